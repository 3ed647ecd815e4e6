"""Every method has what it takes, and a recipe that mixes methods is refused in words that name the field."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RefusedError
from engine.fit import memory
from engine.process import plan
from engine.recipes import methods, recipe, steps
from engine.recipes.choices import methods as choices
from engine.recipes.methods import METHODS, OWN_FIELDS, uses
from engine.recipes.recipe import Recipe
from engine.recipes.validation import method as recipe_rules
from engine.train.rules import subjects
from storage.tables import Model

ANY: dict[str, Any] = {"model_id": "m", "dataset_id": "d"}


def problem(**fields: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        recipe.parse({**ANY, **fields})
    return str(caught.value)


def test_every_method_has_a_worker_and_every_loss_is_a_word_of_the_recipe() -> None:
    assert set(METHODS) == set(get_args(choices.Name)) == set(subjects.KINDS)
    assert set(METHODS) <= set(plan.WORKERS)
    losses = {loss for method in METHODS.values() for loss in method.loss_types}
    assert losses == set(get_args(choices.LossType))
    assert set(Recipe.model_fields) >= OWN_FIELDS


@pytest.mark.parametrize("method", METHODS)
def test_a_recipe_of_defaults_fits_every_method_and_yaml_has_its_fields_alone(method: Any) -> None:
    default_recipe = Recipe(**ANY, method=method)
    text = recipe.to_yaml(default_recipe)
    assert recipe.from_yaml(text) == default_recipe
    assert all((f"\n{name}:" in text) == uses(method, name) for name in OWN_FIELDS)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"method": "sft", "beta": 0.2}, "the method sft does not use it (only dpo and orpo and kto"),
        ({"method": "dpo", "packing": True, "train_sampling_strategy": "random"}, "change packing"),
        ({"method": "reward", "loss_type": "ipo"}, "change loss_type"),
        ({"method": "dpo", "loss_type": "kto"}, "knows sigmoid, ipo"),
        ({"method": "kto", "per_device_train_batch_size": 1}, "2 or more: per_device_train_batch_size"),
        ({"method": "dpo", "loss_type": "robust"}, "above 0 in label_smoothing"),
        ({"method": "orpo", "beta": 0}, "raise beta"),
        ({"method": "grpo", "num_generations": 3}, "change num_generations"),
        ({"method": "rloo", "max_length": 100}, "lower max_completion_length"),
        ({"method": "grpo", "reward_funcs": "length, luck"}, "luck is not one of exact_match, regex"),
        ({"method": "grpo", "reward_funcs": " , "}, "nothing is not one of"),
        ({"method": "grpo", "reward_funcs": "regex"}, "in reward_pattern"),
        ({"method": "grpo", "reward_pattern": "("}, "correct reward_pattern"),
        ({"method": "grpo", "reward_schema": "{"}, "correct reward_schema"),
        ({"method": "grpo", "reward_weights": "1, 2"}, "there are 1 rewards"),
        ({"method": "grpo", "reward_funcs": "python"}, "needs a function in reward_code"),
        ({"method": "grpo", "reward_code": "def reward("}, "correct reward_code"),
        ({"method": "grpo", "reward_code": "(" * 9999}, "correct reward_code"),
        ({"method": "grpo", "reward_code": "rewards = 1"}, "it has no `def reward("),
        ({"method": "rloo", "reward_funcs": "reward_model"}, "in reward_model_id"),
        ({"method": "gkd", "max_length": 100}, "lower max_completion_length"),
        ({"method": "sft", "teacher_id": "m"}, "change teacher_id"),
    ],
)
def test_what_does_not_go_together_is_refused_at_its_field(fields: dict[str, Any], words: str) -> None:
    assert words in problem(**fields)


@given(st.sampled_from(sorted(METHODS)), st.dictionaries(st.sampled_from(sorted(OWN_FIELDS)), st.just(None)))
def test_a_field_is_either_used_or_refused(method: Any, named: dict[str, None]) -> None:
    changed: dict[str, Any] = {
        "beta": 0.3,
        "loss_type": "ipo",
        "label_smoothing": 0.1,
        "simpo_gamma": 1.0,
        "desirable_weight": 2.0,
    }
    values = {name: changed[name] for name in named if name in changed}
    foreign = recipe_rules.unread_fields(Recipe.model_construct(**ANY, method=method, **values))
    assert set(foreign) == {name for name in values if not uses(method, name)}


def test_the_memory_of_a_method_counts_both_answers_and_a_reference(tmp_path: Any) -> None:
    model = Model(source="path", source_id="x", name="m", parameters=1_000_000)

    def needs(method: Any, **fields: Any) -> memory.Memory:
        return memory.memory(model, Recipe(**ANY, method=method, bf16=False, **fields))

    assert needs("dpo", tuning="full").weights == 2 * needs("simpo", tuning="full").weights
    assert needs("grpo", tuning="full").weights == needs("sft", tuning="full").weights
    assert needs("grpo", tuning="full", beta=0.1).weights == 2 * needs("sft", tuning="full").weights
    assert needs("reward").logits == 0


def test_steps_of_methods_that_answer_themselves_are_counted_in_prompts() -> None:
    grpo = Recipe(**ANY, method="grpo", per_device_train_batch_size=8, num_train_epochs=2)
    assert steps.total_steps(grpo, 11) == 10  # two prompts a step, each answered four times
    assert steps.total_steps(grpo.model_copy(update={"eval_fraction": 0.2}), 11) == 8  # two held-out prompts


def test_how_often_answers_are_written_while_learning() -> None:
    assert methods.answered_share("grpo", 0.5, False) == 1
    assert methods.answered_share("sft", 0.5, True) == 0
    assert [methods.answered_share("gkd", 0.3, seq_kd) for seq_kd in (False, True)] == [0.3, 1]


def test_a_function_goes_through_yaml_and_aliases_do_not() -> None:
    code = "def reward(completion, **columns):\n    return len(completion) & 3 * 2\n"
    with_code = Recipe(**ANY, method="grpo", reward_funcs="python", reward_code=code)
    assert recipe.from_yaml(recipe.to_yaml(with_code)) == with_code
    with pytest.raises(RefusedError) as caught:
        recipe.from_yaml("model_id: &a m\ndataset_id: *a")
    assert "no anchors or aliases" in caught.value.hint
