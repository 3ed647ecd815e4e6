"""The doctor's rules on curves made by hand: what was not provoked in a training, noise, and the numbers said."""

import math
import random
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from engine.recipes.recipe import Recipe
from engine.runs.doctor import rules
from engine.runs.doctor.evidence import Case, Curve, Finding
from storage.tables import RunFacts


def curve(values: Any, first: int = 1) -> Curve:
    return Curve(numpy.arange(first, first + len(values), dtype=float), numpy.array(values, float))


def case(facts: dict[str, Any] | None = None, recipe: dict[str, Any] | None = None, **curves: Any) -> Case:
    values = {name.replace("__", "/"): curve(points) for name, points in curves.items()}
    made = Recipe.model_validate({"model_id": "m", "dataset_id": "d", **(recipe or {})})
    return Case(values, made, RunFacts.model_validate(facts or {}), max_steps=None, ended=True)


def found(of: Case) -> dict[str, Finding]:
    return {rule.name: finding for rule, finding in rules.diagnose(of)}


GROUPS = {"method": "grpo", "reward_funcs": "length", "per_device_train_batch_size": 8, "num_generations": 8}


def test_answers_that_grow_while_the_reward_does_not_are_found_and_beta_is_the_remedy() -> None:
    dice = random.Random(1)
    growing = [20 + n + dice.gauss(0, 2) for n in range(60)]
    level = [0.5 + dice.gauss(0, 0.05) for _ in range(60)]
    finding = found(case(recipe=GROUPS, completions__mean_length=growing, reward=level))["length_grows"]
    assert finding.remedy == {"beta": 0.04}
    assert finding.metric == "completions/mean_length"
    better = [0.2 + n / 100 + dice.gauss(0, 0.05) for n in range(60)]
    assert "length_grows" not in found(case(recipe=GROUPS, completions__mean_length=growing, reward=better))
    assert "length_grows" not in found(case(recipe=GROUPS, completions__mean_length=growing[::-1], reward=level))


def test_memory_near_its_limit_is_said_with_the_batch_that_the_studio_would_try_next() -> None:
    used = [80e9] * 10 + [93e9] * 5
    recipe = {"per_device_train_batch_size": 8}
    finding = found(case({"memory_bytes": 100e9}, recipe, peak_memory_bytes=used))["memory_near_limit"]
    assert (finding.severity, finding.from_step, finding.to_step) == ("warning", 11, 15)
    assert finding.remedy["per_device_train_batch_size"] * finding.remedy["gradient_accumulation_steps"] == 8
    assert found(case({"memory_bytes": 100e9}, recipe, peak_memory_bytes=[80e9] * 15)) == {}
    assert found(case({}, recipe, peak_memory_bytes=used)) == {}  # how much there is is not known


def test_a_training_that_ended_for_want_of_memory_is_an_error_with_a_remedy() -> None:
    ending = {"kind": "failed", "category": "memory", "message": "There was not enough memory.", "hint": ""}
    finding = found(case({"ending": ending}, {"per_device_train_batch_size": 4}))["memory_near_limit"]
    assert finding.severity == "error"
    assert finding.remedy["per_device_train_batch_size"] == 2


def test_a_loss_that_was_logged_as_no_number_is_found_by_the_steps_without_a_point() -> None:
    finding = found(case(loss=[2.0] * 10, learning_rate=[1e-3] * 12))["loss_not_a_number"]
    assert (finding.from_step, finding.to_step) == (10, 12)
    assert finding.remedy["learning_rate"] == 2e-5


def test_a_loss_of_zero_from_the_first_step_is_an_error_without_a_remedy_and_later_a_warning_with_one() -> None:
    finding = found(case(loss=[0.0] * 20))["zero_loss"]
    assert (finding.severity, finding.remedy) == ("error", {})
    finding = found(case(loss=[1.0] * 30 + [0.0] * 20))["zero_loss"]
    assert (finding.severity, finding.remedy) == ("warning", {"max_steps": 31})


def test_a_jump_that_stays_is_found_where_it_is_and_one_that_returns_is_not() -> None:
    dice = random.Random(2)
    low = [1.0 + dice.gauss(0, 0.03) for _ in range(100)]
    high = [2.2 + dice.gauss(0, 0.03) for _ in range(100)]
    start = [4.0, 3.0, 2.0, 1.5, 1.2]
    finding = found(case(loss=start + low + high))["loss_spike"]
    assert finding.from_step == pytest.approx(106, abs=12)
    assert finding.remedy["learning_rate"] < 2e-4
    assert "loss_spike" not in found(case(loss=start + low[:50] + high[:20] + low[50:]))
    in_order = {"train_sampling_strategy": "sequential"}
    assert found(case(recipe=in_order, loss=start + low + high))["loss_spike"].remedy == {
        "train_sampling_strategy": "random"
    }


def test_too_few_points_in_many_steps_ask_for_more_points_and_too_few_steps_for_more_steps() -> None:
    few = Case({"loss": curve([2.0] * 3)}, case().recipe, RunFacts(), max_steps=3, ended=True)
    assert found(few)["too_few_steps"].remedy == {"max_steps": 100}
    sparse = case(recipe={"logging_steps": 200}).recipe
    points = Curve(numpy.arange(200.0, 1001.0, 200.0), numpy.array([2.0] * 5))
    assert found(Case({"loss": points}, sparse, RunFacts(), 1000, True))["too_few_steps"].remedy == {
        "logging_steps": 10
    }
    young = Case({"loss": curve([2.0] * 3)}, sparse, RunFacts(), 1000, ended=False)
    assert found(young) == {}


def test_a_held_out_loss_that_rises_is_a_remark_where_the_best_checkpoint_is_kept() -> None:
    held_out = Curve(numpy.arange(10.0, 101.0, 10.0), numpy.array([3, 2.5, 2, 1.8, 2.0, 2.2, 2.4, 2.6, 2.8, 3.0]))
    loss = curve([3 - n * 0.025 for n in range(100)])
    recipe = case(recipe={"eval_fraction": 0.1, "load_best_model_at_end": True}).recipe
    finding = found(Case({"loss": loss, "eval_loss": held_out}, recipe, RunFacts(), 100, True))["held_out_rises"]
    assert (finding.severity, finding.from_step, finding.remedy) == ("info", 40, {"max_steps": 40})
    assert "step 40" in finding.message
    assert "1.8" in finding.message
    again_best = Curve(held_out.steps, numpy.array([3, 2.5, 2, 1.8, 2.0, 2.2, 2.4, 2.6, 1.7, 1.6]))
    assert found(Case({"loss": loss, "eval_loss": again_best}, recipe, RunFacts(), 100, True)) == {}


def test_gradients_that_vanish_are_found_while_the_loss_is_high_and_not_where_all_is_learnt() -> None:
    norms = [2.0 * 10 ** (-n / 10) for n in range(60)]
    high = [3.0 - n / 100 for n in range(60)]
    finding = found(case(recipe={"learning_rate": 0.5, "weight_decay": 1.0}, loss=high, grad_norm=norms))
    assert finding["gradients_vanishing"].remedy == {"learning_rate": 2e-4, "weight_decay": 0.0}
    assert "gradients_vanishing" in found(case(loss=high, grad_norm=norms))
    learnt = [3.0 * 10 ** (-n / 10) for n in range(60)]
    assert found(case(loss=learnt, grad_norm=norms)) == {}


def test_gradients_that_become_infinite_explode_and_do_not_vanish() -> None:
    """Infinity is as large as itself: a norm of it at both ends was called vanished."""
    high, never = [2.0] * 60, math.inf
    for norms in ([1.0] * 40 + [never] * 20, [never] * 60):
        assert "gradients_vanishing" not in found(case(loss=high, grad_norm=norms))
    assert "gradients_exploding" in found(case(loss=high, grad_norm=[1.0] * 40 + [never] * 20))
    overflows_at_first = [never] * 10 + [1.0] * 50  # as a scaler of half precision begins
    assert found(case(loss=high, grad_norm=overflows_at_first)).keys() <= found(case(loss=high)).keys()


def test_no_remedy_is_offered_that_the_recipe_cannot_take() -> None:
    recipe = {"max_grad_norm": 1.0}
    assert rules.allowed(case(recipe=recipe).recipe.model_dump(), {"learning_rate": 5.0}) == {}
    assert rules.allowed(case(recipe=recipe).recipe.model_dump(), {"learning_rate": 0.5}) == {"learning_rate": 0.5}


def test_a_run_without_a_point_has_no_finding() -> None:
    assert found(case()) == {}
    assert found(case(recipe=GROUPS)) == {}


NOISES: dict[str, Callable[[random.Random, float], float]] = {
    "none": lambda _, level: level,
    "a tenth": lambda dice, level: level * (1 + dice.gauss(0, 0.1)),
    "a third": lambda dice, level: level * max(0.1, 1 + dice.gauss(0, 0.33)),
    "heavy": lambda dice, level: level * dice.lognormvariate(0, 0.5),
    "single spikes": lambda dice, level: level * (6.0 if dice.random() < 0.03 else 1 + dice.gauss(0, 0.1)),
    "two kinds of rows": lambda dice, level: level * (2.0 if dice.random() < 0.4 else 1.0),
}
SHAPES: dict[str, Callable[[float], float]] = {
    "settles": lambda x: 1.5 + 2.5 * math.exp(-8 * x),
    "falls a little": lambda x: 1.6 - 0.25 * x**0.5,
    "falls to nothing": lambda x: 3 * math.exp(-5 * x),
    "steps down at each epoch": lambda x: 2.0 - 0.4 * int(x * 3),
}


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_loss_that_falls_under_any_noise_is_not_warned_of(shape: str, noise: str) -> None:
    for seed in range(40):
        dice = random.Random(f"{shape} {noise} {seed}")
        count = dice.choice((25, 60, 200, 1000))
        losses = [NOISES[noise](dice, SHAPES[shape](n / count)) for n in range(count)]
        norms = [NOISES[noise](dice, 1.0 + math.exp(-6 * n / count)) for n in range(count)]
        rates = [2e-4 * (1 - n / count) for n in range(count)]
        fired = found(case(loss=losses, grad_norm=norms, learning_rate=rates))
        assert fired == {}, (seed, count)
