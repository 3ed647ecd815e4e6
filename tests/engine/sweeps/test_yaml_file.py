"""One YAML holds a sweep, both ways; what is wrong in one is named with its line."""

from typing import Any

import pytest

from engine.errors import RefusedError
from engine.recipes.recipe import Recipe
from engine.sweeps import parsing, yaml_file
from engine.sweeps.spec import SweepSpec

FULL: dict[str, Any] = {
    "name": "rates, ranks: a ‘first’ look",
    "recipe": yaml_file.recipe_fields(Recipe(model_id="m1", dataset_id="d1", learning_rate=1e-5)),
    "space": {
        "learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
        "lora_dropout": {"low": 0, "high": 0.2, "step": 0.05},
        "use_dora": {"choices": [True, False]},
        "target_modules": {"choices": ["all-linear", "q_proj,v_proj"]},
        "neftune_noise_alpha": {"choices": [None, 5.0]},
    },
    "objective": [{"metric": "eval_loss"}, {"metric": "seconds"}],
    "sampler": "nsga2",
    "budget": {"trials": 12, "seconds": 3600},
    "parallel": 2,
    "proxy": {"max_steps": 20, "full": 2},
    "seed": 7,
    "repeats": 2,
}


@pytest.mark.parametrize("left_out", [(), ("objective", "sampler"), ("proxy", "parallel", "seed", "repeats")])
def test_a_sweep_comes_back_from_its_yaml_as_it_was(left_out: tuple[str, ...]) -> None:
    sweep = SweepSpec.model_validate({name: value for name, value in FULL.items() if name not in left_out})
    assert yaml_file.read(yaml_file.to_yaml(sweep)) == sweep


def test_the_yaml_is_short_and_has_no_anchors() -> None:
    text = yaml_file.to_yaml(SweepSpec.model_validate(FULL))
    assert "&id" not in text
    assert "oft_block_size" not in text
    assert "  learning_rate:\n    low: 1.0e-05\n    high: 0.001\n    log: true\n" in text
    assert "patience" not in text


def test_numbers_may_be_written_as_people_write_them() -> None:
    sweep = yaml_file.read(
        "name: n\nrecipe: {model_id: m, dataset_id: d, learning_rate: 2e-4}\nbudget: {trials: 3}\n"
        "space:\n  learning_rate: {low: 1e-5, high: 1e-3}\n  weight_decay: {choices: [1e-2, 0]}\n"
        "  target_modules: {choices: [1e2, all-linear]}\n"
    )
    assert sweep.recipe["learning_rate"] == 2e-4
    assert sweep.space["learning_rate"].model_dump()["low"] == 1e-5
    assert sweep.space["weight_decay"].model_dump()["choices"] == (0.01, 0)
    assert sweep.space["target_modules"].model_dump()["choices"] == ("1e2", "all-linear")


HEAD = "name: n\nrecipe: {model_id: m, dataset_id: d}\nbudget: {trials: 3}\n"
BAD = {
    "space:\n  lora_r: {low: many, high: 3}\n": "Line 5: `space.lora_r.low` is 'many': it must be a number",
    "space:\n  lora_r: {high: 3}\n": "Line 5: `space.lora_r.low` is missing.",
    "space:\n  lora_r: [4, 8]\n": "Line 5: `space.lora_r` is [4, 8]: give it low and high, or choices.",
    "space:\n  lora_r:\n    choices: [4]\n    low: 3\n": "Line 7: There is no sweep field `space.lora_r.low`.",
    "space:\n  lora_r: {low: 4, high: 8}\nsampeler: tpe\n": "Line 6: There is no sweep field `sampeler`.",
    "space:\n  lora_r: {low: 4, high: 8}\nsampler: best\n": "Line 6: `sampler` is 'best': it must be 'tpe', 'gp'",
    "space:\n  lora_r: {low: 4, high: 8}\nobjective: {metrics: x}\n": (
        "Line 6: There is no sweep field `objective.metrics`."
    ),
    "space:\n  lora_r: {low: 4, high: 8}\nobjective:\n- metric: eval_loss\n  direction: up\n": (
        "Line 8: `objective.0.direction` is 'up': it must be 'minimize' or 'maximize'."
    ),
    "space: {}\n": "Line 4: `space`: Dictionary should have at least 1 item",
    "space:\n  lora_r: {low: .inf, high: 8}\n": "Line 5: `space.lora_r.low` is inf: it must be a finite number.",
    "": "`space` is missing.",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_wrong_is_named_with_its_line(text: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        yaml_file.read(HEAD + text)
    assert any(line.startswith(BAD[text]) for line in refusal.value.hint.splitlines()), refusal.value.hint
    assert "Choices" not in refusal.value.hint
    assert "Range" not in refusal.value.hint


def test_a_range_that_is_half_there_is_said_once() -> None:
    with pytest.raises(RefusedError) as refusal:
        yaml_file.read(HEAD + "space:\n  lora_r: {high: 3}\n")
    assert refusal.value.hint.splitlines() == ["Line 5: `space.lora_r.low` is missing."]


@pytest.mark.parametrize("text", ["- a\n", "name: [", "just words", "name: &a x\nrecipe: *a\n", ""])
def test_what_is_no_yaml_of_a_sweep_is_refused_as_one(text: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        yaml_file.read(text)
    assert "sweep" in refusal.value.message


def test_values_that_are_no_fields_at_all_are_refused() -> None:
    with pytest.raises(RefusedError):
        parsing.parse(["name"])
