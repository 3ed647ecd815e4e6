"""What a new job may ask for, and the recipe it becomes. Nothing runs here."""

from typing import Any

import pytest

from engine.finetuning import asked, names, recipes
from engine.finetuning.wrong import ParameterError
from engine.names import in_address
from engine.recipes import provenance
from engine.recipes.methods import METHODS
from engine.serve import adapter_names
from storage.tables import Run, TuningJob

BODY = {"model": "tiny", "training_file": "file-1"}


def of_method(kind: str, **hyperparameters: Any) -> dict[str, Any]:
    return {**BODY, "method": {"type": kind, kind: {"hyperparameters": hyperparameters}}}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"colour": "red"}, "colour"),
        ({"training_file": None}, "training_file"),
        ({"method": {"type": "reinforcement"}}, "method.type"),
        ({"method": {"type": "dpo", "dpo": {"hyperparameters": {"gamma": 1}}}}, "method.dpo.hyperparameters.gamma"),
        ({"method": {"type": "dpo", "supervised": {}}}, "method.supervised"),
        ({"method": {"type": "dpo"}, "hyperparameters": {"n_epochs": 1}}, "hyperparameters"),
        ({"hyperparameters": {"beta": 0.1}}, "hyperparameters.beta"),
        ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"n_epochs": 1.5}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"batch_size": "big"}}, "hyperparameters.batch_size"),
        ({"hyperparameters": {"learning_rate_multiplier": float("nan")}}, "hyperparameters.learning_rate_multiplier"),
        ({"suffix": "x" * 65}, "suffix"),
        ({"suffix": "\u202e"}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"metadata": {"team": 1}}, "metadata.team"),
        ({"integrations": [{"type": "wandb"}]}, "integrations"),
    ],
)
def test_what_is_not_known_is_refused_by_the_name_of_its_parameter(more: dict[str, Any], param: str) -> None:
    with pytest.raises(ParameterError) as refused:
        asked.parse({**BODY, **more})
    assert (refused.value.param, refused.value.status) == (param, 400)


@pytest.mark.parametrize("body", [None, [], "text", 1])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    with pytest.raises(ParameterError):
        asked.parse(body)


def test_hyperparameters_may_stand_in_the_old_place_and_auto_is_left_to_the_studio() -> None:
    old = asked.parse({**BODY, "hyperparameters": {"n_epochs": 3, "batch_size": "auto"}, "integrations": None})
    assert (old.method_name, old.chosen) == ("supervised", {"n_epochs": 3})
    assert asked.parse(of_method("dpo", beta=0.2, n_epochs="auto")).chosen == {"beta": 0.2}
    assert asked.parse({**BODY, "method": {"type": "dpo"}}).chosen == {}


def job(method: str = "supervised", **hyperparameters: Any) -> TuningJob:
    return TuningJob(
        id="ftjob-0123456789abcdef01234567",
        project_id="default",
        model="tiny",
        model_id="m1",
        model_name="ft-tiny-234567",
        training_file="file-1",
        dataset_id="d1",
        method=method,
        hyperparameters=hyperparameters,
        seed=7,
    )


def test_the_multiplier_multiplies_the_rate_of_the_method_and_tuning() -> None:
    plain = recipes.recipe_for(job(), "d1")
    assert (plain.method, plain.tuning, plain.seed) == ("sft", "lora", 7)
    assert plain.learning_rate == METHODS["sft"].rate("lora")
    assert recipes.recipe_for(job(learning_rate_multiplier=0.1), "d1").learning_rate == pytest.approx(2e-5)
    dpo = recipes.recipe_for(job("dpo", learning_rate_multiplier=2, beta=0.3, n_epochs=4), "d1")
    assert (dpo.method, dpo.beta, dpo.num_train_epochs) == ("dpo", 0.3, 4)
    assert dpo.learning_rate == pytest.approx(2 * METHODS["dpo"].rate("lora"))


def test_each_value_of_a_job_says_that_it_came_from_the_job_the_method_or_the_run_before() -> None:
    def origins(made: TuningJob) -> dict[str, str]:
        return recipes.origins(made, recipes.recipe_for(made, "d1"))

    assert origins(job(n_epochs=4)) == {"num_train_epochs": "fine-tuning job", "seed": "fine-tuning job"}
    by_method = origins(job("dpo"))
    assert (by_method["method"], by_method["learning_rate"]) == ("fine-tuning job", "method")
    assert origins(job("dpo", learning_rate_multiplier=2))["learning_rate"] == "fine-tuning job"
    before = Run(id="r1", project_id="default", name="x", model_id="m1", dataset_id="d1", recipe={})
    recipe = recipes.recipe_for(job(), "d1").model_copy(update={"lora_r": 32, "start_from": "r1"})
    continued = recipes.origins(job(), recipe, before)
    assert continued == {"lora_r": "run: r1", "start_from": "run: r1", "seed": "fine-tuning job"}
    assert all(map(provenance.is_origin, {*by_method.values(), *continued.values()}))


@pytest.mark.parametrize("rows", [1, 4, 6, 8, 13, 32, 100, 256])
def test_a_batch_has_the_rows_that_were_asked_for(rows: int) -> None:
    recipe = recipes.recipe_for(job(batch_size=rows), "d1")
    assert recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps == rows
    assert recipe.per_device_train_batch_size <= recipes.MOST_ROWS_AT_ONCE


def test_hyperparameters_are_told_as_they_were_asked_and_then_as_they_are() -> None:
    dpo = job("dpo", n_epochs=2)
    assert recipes.in_use(dpo, None) == {
        "n_epochs": 2,
        "learning_rate_multiplier": "auto",
        "batch_size": "auto",
        "beta": "auto",
    }
    recipe = recipes.recipe_for(dpo, "d1").model_dump()
    run = Run(project_id="default", name="x", model_id="m1", dataset_id="d1", recipe=recipe)
    assert recipes.in_use(dpo, run) == {
        "n_epochs": 2,
        "learning_rate_multiplier": 1.0,
        "batch_size": 4,
        "beta": METHODS["dpo"].beta,
    }


@pytest.mark.parametrize("suffix", [None, "Sums, v2", "x" * 64, "한국어"])
def test_every_name_can_be_an_endpoints_and_leads_back_to_its_job(suffix: str | None) -> None:
    name = names.result("HuggingFaceTB/SmolLM2-135M-Instruct", suffix, job().id)
    longest = names.checkpoint(name, 10_000_000)
    assert in_address(name, "endpoint") == name
    assert in_address(longest, "endpoint") == longest
    assert names.parts(name) == (name, None)
    assert names.parts(longest) == (name, 10_000_000)
    assert adapter_names.public(name, ["abc"])[name] == "abc"
