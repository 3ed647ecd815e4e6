"""Which spaces a sweep may search: proposals that hold, and every bad input named with its value and the remedy."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RefusedError
from engine.recipes.choices.tunings import TUNINGS
from engine.recipes.methods import METHODS
from engine.recipes.recipe import Recipe
from engine.sweeps import dimensions, proposals, reported, space
from engine.sweeps.spec import Choices, Range, SweepSpec
from engine.train.rules.problem import Problem
from storage.tables import Dataset, Model
from tests.engine.fit.fitting import furnish

RATES = {"learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}}
BASE = {"model_id": "m1", "dataset_id": "d1", "max_length": 128, "bf16": False, "eval_fraction": 0.25}


@pytest.fixture
def furnished(tmp_path: Path) -> tuple[Model, Dataset]:
    return furnish(tmp_path)


def spec(recipe: dict[str, Any] | None = None, **parts: Any) -> SweepSpec:
    values = {"name": "rates", "space": RATES, "budget": {"trials": 20}, **parts}
    return SweepSpec.model_validate({**values, "recipe": {**BASE, **(recipe or {})}})


def errors(furnished: tuple[Model, Dataset], sweep: SweepSpec) -> list[Problem]:
    return [problem for problem in space.check(sweep, *furnished) if problem.level == "error"]


# What one would look at first.


def test_a_rate_is_searched_around_what_is_good_for_the_method_and_tuning() -> None:
    assert space.propose("learning_rate", "sft", "lora", {}) == Range(low=1e-5, high=1e-3, log=True)
    assert space.propose("learning_rate", "sft", "full", {}) == Range(low=1e-6, high=1e-4, log=True)
    assert space.propose("learning_rate", "dpo", "lora", {}) == Range(low=1e-6, high=1e-4, log=True)


def test_every_proposal_of_every_method_and_tuning_passes_its_own_checks() -> None:
    proposed = 0
    for method in METHODS:
        for tuning in (name for name, facts in TUNINGS.items() if facts.fits(method)):
            base = {**BASE, "method": method, "tuning": tuning}
            for field in space.sweepable(method, tuning):
                part = space.propose(field, method, tuning, base)
                if part is not None:
                    proposed += 1
                    assert list(dimensions.problems(field, part, method, (tuning,))) == [], (field, part)
    assert proposed > 1000


def test_a_proposed_choice_is_never_one_that_the_method_refuses() -> None:
    assert space.propose("loss_type", "kto", "lora", {}) == Choices(choices=("kto", "apo_zero_unpaired"))
    assert space.propose("per_device_train_batch_size", "kto", "lora", {"per_device_train_batch_size": 2}) == Choices(
        choices=(2, 4, 8)
    )
    assert space.propose("lora_r", "sft", "full", {}) is None
    assert space.propose("beta", "sft", "lora", {}) is None


def test_what_decides_what_is_measured_is_not_swept() -> None:
    fields = {field for method in METHODS for tuning in TUNINGS for field in space.sweepable(method, tuning)}
    assert {"learning_rate", "lora_r", "tuning", "optim", "use_dora", "beta"} <= fields
    assert not fields & {"eval_fraction", "eval_steps", "seed", "method", "model_id", "dataset_id", "reward_funcs"}


# A trial's recipe.


def test_a_trial_is_the_recipe_with_its_own_values() -> None:
    recipe = space.concrete(Recipe(**BASE), {"learning_rate": 3e-4, "lora_r": 8.0, "use_dora": True})
    assert (recipe.learning_rate, recipe.lora_r, recipe.use_dora, recipe.max_length) == (3e-4, 8, True, 128)
    assert isinstance(recipe.lora_r, int)


def test_a_refused_combination_says_why() -> None:
    with pytest.raises(RefusedError) as refusal:
        space.concrete(BASE, {"use_dora": True, "init_lora_weights": "pissa"})
    assert "pissa is saved as a plain LoRA, which use_dora is not" in refusal.value.hint


def test_where_the_tuning_is_searched_each_trial_has_the_fields_of_its_own() -> None:
    assert space.concrete(BASE, {"tuning": "full", "lora_r": 64, "use_dora": True}).lora_r == 16
    assert space.concrete(BASE, {"tuning": "lora", "lora_r": 64, "use_dora": True}).lora_r == 64
    with pytest.raises(RefusedError):
        space.concrete({**BASE, "tuning": "full"}, {"use_dora": True})


def test_whole_numbers_are_known(furnished: tuple[Model, Dataset]) -> None:
    sweep = spec(space={**RATES, "lora_r": {"low": 4, "high": 64, "log": True}, "use_dora": {"choices": [True, False]}})
    assert space.whole(sweep.space) == ("lora_r",)
    assert errors(furnished, sweep) == []


# Bad input, each in a line that names it.

BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "low above high": (
        {"space": {"learning_rate": {"low": 1e-3, "high": 1e-5}}},
        "learning_rate goes from 0.001 to 1e-05: low is above high.",
        "Use 1e-05 to 0.001.",
    ),
    "a range of one": (
        {"space": {"lora_r": {"low": 8, "high": 8}}},
        "lora_r goes from 8 to 8: there is nothing to find.",
        "Use a wider range",
    ),
    "log with zero": (
        {"space": {"lora_dropout": {"low": 0, "high": 0.5, "log": True}}},
        "lora_dropout is searched on a log scale, which has no 0.",
        "Use a low above 0, such as 0.005, or turn log off.",
    ),
    "a step that ends elsewhere": (
        {"space": {"lora_dropout": {"low": 0, "high": 0.5, "step": 0.2}}},
        "lora_dropout from 0 in steps of 0.2 ends at 0.4, not at 0.5.",
        "Use high 0.4 or 0.6",
    ),
    "a step that is too wide": (
        {"space": {"lora_r": {"low": 8, "high": 16, "step": 32}}},
        "lora_r has step 32, which is more than there is from 8 to 16.",
        "Use 8 or less",
    ),
    "a step of nothing": (
        {"space": {"lora_r": {"low": 8, "high": 16, "step": 0}}},
        "lora_r has step 0, which is not above 0.",
        "Use a step above 0",
    ),
    "log and step": (
        {"space": {"lora_r": {"low": 8, "high": 16, "step": 2, "log": True}}},
        "lora_r has log and step 2: only one of them can be set.",
        "Turn log off",
    ),
    "half a rank": (
        {"space": {"lora_r": {"low": 1.5, "high": 16}}},
        "lora_r is a whole number, and its low is 1.5.",
        "Use 2.",
    ),
    "outside the field's bounds": (
        {"space": {"learning_rate": {"low": 0, "high": 2}}},
        "learning_rate has high 2: it must be less than or equal to 1.",
        "Use a high above 0 and at most 1.",
    ),
    "an unknown field": (
        {"space": {"learning_rat": {"low": 1, "high": 2}}},
        "A recipe has no field `learning_rat`.",
        "Did you mean learning_rate?",
    ),
    "initials": ({"space": {"lr": {"low": 1, "high": 2}}}, "A recipe has no field `lr`.", "learning_rate?"),
    "a field of another method": (
        {"space": {"beta": {"low": 1, "high": 2}}},
        "beta is in the space, and the method sft does not use it.",
        "Leave it out",
    ),
    "a field of another tuning": (
        {"space": {"oft_block_size": {"low": 8, "high": 16}}},
        "oft_block_size is in the space, and the tuning lora does not use it.",
        "Leave it out",
    ),
    "what is measured": (
        {"space": {"seed": {"low": 1, "high": 9}}},
        "seed cannot be swept: it is not a setting to find: `repeats` trains the best again",
        "Leave it out",
    ),
    "a range of words": (
        {"space": {"lr_scheduler_type": {"low": 1, "high": 9}}},
        "lr_scheduler_type is not a number, and the sweep gives it a range.",
        "Give it choices, some of: `linear`, `cosine`",
    ),
    "a choice that the field has not": (
        {"space": {"lr_scheduler_type": {"choices": ["linear", "cosin"]}}},
        "lr_scheduler_type cannot be `cosin`: it must be 'linear', 'cosine'",
        "Leave this choice out.",
    ),
    "a word for a number": (
        {"space": {"lora_r": {"choices": [8, "many"]}}},
        "lora_r cannot be `many`: it must be a valid integer.",
        "Leave this choice out.",
    ),
    "a choice twice": (
        {"space": {"lora_r": {"choices": [8, 16, 8]}}},
        "lora_r has the choice 8 twice.",
        "Leave one of them out.",
    ),
    "one choice": (
        {"space": {"use_dora": {"choices": [True]}}},
        "use_dora has one choice, True: there is nothing to find.",
        "Add a choice",
    ),
    "a choice that the recipe refuses": (
        {"space": {**RATES, "optim": {"choices": ["adamw_torch", "galore_adamw"]}}},
        "The recipe refuses the choice `galore_adamw` of optim: ",
        "Leave this choice out",
    ),
    "no recipe holds": (
        {"recipe": {"use_dora": True}, "space": {"init_lora_weights": {"choices": ["pissa", "olora"]}}},
        "No recipe of this space is valid: none of its 2 combinations.",
        "The usual reason: ",
    ),
    "no recipe of endless ones holds": (
        {"recipe": {"use_dora": True, "init_lora_weights": "pissa"}},
        "No recipe of this space is valid: none of 120 combinations tried.",
        "The usual reason: ",
    ),
    "a field that no recipe has": (
        {"recipe": {"learn_rate": 3}},
        "A recipe has no field `learn_rate`.",
        "Correct its name",
    ),
    "epochs beside steps": (
        {"recipe": {"max_steps": 9}, "space": {"num_train_epochs": {"low": 1, "high": 3}}},
        "num_train_epochs has no effect, because max_steps is 9.",
        "Set max_steps to -1 in the recipe.",
    ),
    "no budget": ({"budget": {}}, "The budget is empty: the sweep would never end.", "Set trials, seconds or tokens"),
    "no name": ({"name": " "}, "The sweep has no name.", "Give it one"),
    "a metric of another method": (
        {"objective": {"metric": "eval_reward", "direction": "maximize"}},
        "The objective is eval_reward, which the method sft never reports.",
        "Use one of: eval_loss, seconds, tokens",
    ),
    "the training loss": (
        {"objective": {"metric": "loss"}},
        "The objective loss is measured on the rows that are learnt from.",
        "Use eval_loss",
    ),
    "the test rows": (
        {"objective": {"metric": "test_loss"}},
        "The objective test_loss would read the rows kept for the report, and a sweep never does.",
        "Use a metric on the eval rows: eval_loss",
    ),
    "the test rows of an evaluation": (
        {"objective": {"metric": "eval_test/loss"}},
        "The objective eval_test/loss would read the rows kept for the report",
        "Use a metric on the eval rows",
    ),
    "the wrong way round": (
        {"objective": {"metric": "eval_loss", "direction": "maximize"}},
        "The sweep would maximize eval_loss, of which lower is better.",
        "Use direction minimize.",
    ),
    "cost alone": (
        {"objective": {"metric": "seconds"}},
        "The only objective is seconds: the best would be a trial that learns nothing.",
        "Add a metric",
    ),
    "an objective twice": (
        {"objective": [{"metric": "eval_loss"}, {"metric": "eval_loss"}]},
        "The objective eval_loss is there twice.",
        "Leave one of them out.",
    ),
    "taste and a metric": (
        {"objective": [{"metric": "taste", "direction": "maximize"}, {"metric": "eval_loss"}]},
        "One objective is taste, and there are others beside it.",
        "Use taste alone",
    ),
    "no objective": ({"objective": []}, "The sweep has no objective", "Name a metric"),
    "no held-out rows": (
        {"recipe": {"eval_fraction": 0}},
        "The objective eval_loss is measured on held-out rows, and eval_fraction 0 holds none out.",
        "Set eval_fraction in the recipe",
    ),
    "too few rows to hold out": (
        {"recipe": {"eval_fraction": None}},
        "The objective eval_loss is measured on held-out rows, and of 40 none are held out.",
        "Set eval_fraction in the recipe",
    ),
    "cmaes with choices": (
        {"sampler": "cmaes", "space": {**RATES, "use_dora": {"choices": [True, False]}}},
        "The sampler cmaes supports numbers only, and use_dora has choices.",
        "Use tpe",
    ),
    "cmaes with one field": (
        {"sampler": "cmaes"},
        "The sampler cmaes needs two fields or more, and the space has one.",
        "Use tpe.",
    ),
    "an endless grid": (
        {"sampler": "grid"},
        "The sampler grid tries every value, and learning_rate from 1e-05 to 0.001 has no last one.",
        "Give learning_rate a step or choices, or use tpe.",
    ),
    "a pruner of two objectives": (
        {"pruner": "median", "objective": [{"metric": "eval_loss"}, {"metric": "seconds"}]},
        "The pruner median needs one objective, and there are 2.",
        "Use pruner none",
    ),
    "a pruner by taste": (
        {"pruner": "hyperband", "objective": {"metric": "taste", "direction": "maximize"}},
        "The pruner hyperband needs what is measured during a training, and taste is not.",
        "Use pruner none",
    ),
    "patience with two objectives": (
        {"patience": 5, "objective": [{"metric": "eval_loss"}, {"metric": "seconds"}]},
        "patience asks whether the best became better",
        "Leave patience out",
    ),
    "a proxy of everything": (
        {"proxy": {}},
        "The proxy is as long as a full training: nothing makes it cheaper.",
        "Set max_steps or data_share",
    ),
    "a proxy that is longer": (
        {"proxy": {"max_steps": 50}, "recipe": {"max_steps": 40}},
        "The proxy has 50 steps, and the full training has 40.",
        "Use fewer than 40",
    ),
    "a proxy that takes a field away": (
        {"proxy": {"max_steps": 50}, "space": {"num_train_epochs": {"low": 1, "high": 3}}},
        "The proxy ends after 50 steps, so num_train_epochs in the space would have no effect.",
        "Use data_share alone",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_with_its_value_and_the_remedy(furnished: tuple[Model, Dataset], case: str) -> None:
    parts, message, hint = BAD[case]
    problems = errors(furnished, spec(**parts))
    assert any(problem.message.startswith(message) and hint in problem.hint for problem in problems), problems
    assert all(problem.field and problem.message.endswith((".", "`")) for problem in problems)


def test_a_good_sweep_has_nothing_against_it(furnished: tuple[Model, Dataset]) -> None:
    assert space.check(spec(), *furnished) == []
    by_taste = spec({"eval_fraction": 0}, objective={"metric": "taste", "direction": "maximize"})
    assert errors(furnished, by_taste) == []


def test_a_model_or_dataset_that_is_not_there_is_named(furnished: tuple[Model, Dataset]) -> None:
    nowhere = space.check(spec({"model_id": "gone"}), None, furnished[1])
    assert [(problem.field, problem.message) for problem in nowhere] == [
        ("model_id", "There is no model with the id 'gone'.")
    ]


def test_what_every_trial_would_be_refused_for_by_its_model_is_said_before_one_starts(
    furnished: tuple[Model, Dataset],
) -> None:
    problems = errors(furnished, spec(space={"target_modules": {"choices": ["no_proj", "nor_this"]}}))
    assert [problem.field for problem in problems] == ["target_modules"]
    assert errors(furnished, spec(space={"target_modules": {"choices": ["no_proj", "q_proj"]}})) == []


def test_a_loss_that_the_swept_field_is_a_part_of_is_remarked_on(furnished: tuple[Model, Dataset]) -> None:
    """A smaller beta makes the loss of DPO another loss, and not a better one."""
    parts: dict[str, Any] = {"space": {"beta": {"low": 0.01, "high": 0.5, "log": True}}}
    remarks = space.check(spec({"method": "dpo"}, **parts), *furnished)
    (remark,) = [problem for problem in remarks if problem.field == "objective"]
    assert remark.level == "warning"
    assert "beta changes how eval_loss is calculated" in remark.message
    assert "Use eval_rewards/accuracies" in remark.hint
    parts["objective"] = {"metric": "eval_rewards/accuracies", "direction": "maximize"}
    assert not [one for one in space.check(spec({"method": "dpo"}, **parts), *furnished) if one.field == "objective"]


def test_a_pruner_asks_for_measurements_at_the_same_steps(furnished: tuple[Model, Dataset]) -> None:
    remarks = space.check(spec({"max_steps": 100}, pruner="median"), *furnished)
    assert [(problem.field, problem.instead) for problem in remarks] == [("eval_steps", {"eval_steps": 10})]
    few = space.check(spec({"max_steps": 8, "eval_steps": 8}, pruner="median"), *furnished)
    assert "A trial of 8 steps is measured every 8" in few[0].message


def test_side_by_side_is_no_more_than_the_devices_there_are(furnished: tuple[Model, Dataset]) -> None:
    (remark,) = space.check(spec(parallel=3), *furnished)
    assert "parallel is 3, and this machine has one device, so one trial trains at a time." in remark.message


def test_combinations_are_counted_where_they_can_be() -> None:
    sweep = spec(space={"lora_r": {"low": 4, "high": 8}, "use_dora": {"choices": [True, False]}})
    assert space.combinations(sweep.space) == 10
    assert space.combinations({"lora_dropout": Range(low=0, high=0.3, step=0.1)}) == 4
    assert space.combinations(spec().space) is None


def test_refused_combinations_are_counted_with_their_reasons(furnished: tuple[Model, Dataset]) -> None:
    parts = {"use_dora": {"choices": [True, False]}, "init_lora_weights": {"choices": ["default", "pissa"]}}
    holding = space.holding(spec(space=parts), *furnished)
    assert (holding.tried, holding.held, holding.every) == (4, 3, True)
    assert "use_dora" in next(iter(holding.reasons))


def test_every_method_has_metrics_and_the_first_is_its_own() -> None:
    for method, facts in METHODS.items():
        assert reported.metrics({"method": method})[0] == facts.measure
    assert "eval_rewards/length/mean" in reported.metrics({"method": "grpo", "reward_funcs": "exact_match, length"})


def test_a_space_is_plain_data_both_ways() -> None:
    sweep = spec(space={"lora_r": {"choices": [8, 16]}, "use_dora": {"choices": [True, False]}, **RATES})
    assert SweepSpec.model_validate(json.loads(sweep.model_dump_json())) == sweep
    assert proposals.is_whole("lora_r")
