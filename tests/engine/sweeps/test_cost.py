"""What a sweep will take before it starts: trials that the budget allows, time, and the best in full after it."""

from pathlib import Path
from typing import Any

import pytest

from engine.accounts import prices
from engine.sweeps import cost
from engine.sweeps.spec import SweepSpec
from engine.train import forecast
from storage import db
from storage.statuses import RunStatus
from storage.tables import Dataset, Model, Run
from tests.engine.fit.fitting import furnish, recipe
from tests.engine.sweeps.test_space import BASE, RATES

Subjects = tuple[Model, Dataset]


@pytest.fixture
def furnished(tmp_path: Path) -> Subjects:
    """With a finished run of the model, so that the machine's speed is known."""
    subjects = furnish(tmp_path)
    values: dict[str, Any] = {"status": RunStatus.SUCCEEDED, "tokens_per_second": 500.0, "device": "cpu"}
    run = Run(project_id="default", name="r", model_id="m1", dataset_id="d1", recipe=recipe().model_dump(), **values)
    with db.session() as session:
        session.add(run)
    return subjects


def of(furnished: Subjects, **parts: Any) -> cost.Cost:
    values = {"name": "n", "recipe": BASE, "space": RATES, "budget": {"trials": 20}, **parts}
    return cost.of(SweepSpec.model_validate(values), *furnished)


def test_a_trial_takes_what_a_training_of_its_recipe_takes(furnished: Subjects) -> None:
    answer = of(furnished)
    alone = forecast.of(recipe(eval_fraction=0.25), *furnished)
    assert answer.each == (alone.time.seconds, alone.time.seconds)
    assert answer.tokens == alone.tokens
    assert alone.time.seconds is not None
    assert answer.seconds == pytest.approx(20 * alone.time.seconds)
    assert (answer.trials, answer.limited_by, answer.source) == (20, "trials", "estimate")
    assert "last finished run" in answer.basis


def test_trials_of_different_lengths_are_said_from_the_shortest_to_the_longest(furnished: Subjects) -> None:
    answer = of(furnished, space={"num_train_epochs": {"low": 1, "high": 9}})
    assert answer.each is not None
    assert answer.each[0] < answer.each[1]


def test_the_budget_says_how_many_trials_there_are(furnished: Subjects) -> None:
    one = of(furnished, budget={"trials": 1})
    assert one.seconds is not None
    assert one.tokens is not None
    by_time = of(furnished, budget={"seconds": 3.5 * one.seconds})
    assert (by_time.trials, by_time.limited_by) == (4, "seconds")
    by_tokens = of(furnished, budget={"trials": 9, "tokens": int(2.5 * one.tokens)})
    assert (by_tokens.trials, by_tokens.limited_by) == (3, "tokens")
    grid = of(furnished, sampler="grid", space={"lora_r": {"choices": [4, 8]}})
    assert (grid.trials, grid.limited_by) == (2, "grid")


def test_a_proxy_is_cheaper_and_the_best_in_full_come_on_top(furnished: Subjects) -> None:
    in_full, searched = of(furnished), of(furnished, proxy={"max_steps": 2, "full": 3})
    assert in_full.each is not None
    assert searched.each is not None
    assert searched.each[1] < in_full.each[0]
    assert searched.full == 3
    assert searched.seconds == pytest.approx(20 * searched.each[0] + 3 * in_full.each[0])


def test_repeats_of_the_best_are_counted(furnished: Subjects) -> None:
    answer = of(furnished, repeats=4)
    assert answer.each is not None
    assert answer.seconds == pytest.approx(24 * answer.each[0])


def test_side_by_side_is_as_the_devices_allow(furnished: Subjects) -> None:
    assert of(furnished, parallel=8).side_by_side == 1


def test_energy_and_money_are_those_of_all_trainings_together(furnished: Subjects) -> None:
    prices.set_prices("default", prices.Prices(0.5, 2.0, "EUR"))
    answer = of(furnished, repeats=4)
    assert answer.spending is not None
    assert answer.spending.basis == "known after the first run here"
    assert answer.seconds is not None
    assert answer.spending.device_hours == pytest.approx(answer.seconds / 3600)
    assert answer.spending.device_cost == pytest.approx(answer.seconds / 1800)
    assert answer.spending.cost is None


def test_a_space_in_which_no_recipe_holds_costs_nothing_that_is_known(furnished: Subjects) -> None:
    assert of(furnished, space={"lora_r": {"choices": [-1, -2]}}) == cost.Cost()


def test_before_anything_is_measured_only_trials_are_known(tmp_path: Path) -> None:
    answer = of(furnish(tmp_path))
    assert (answer.trials, answer.each, answer.seconds) == (20, None, None)
    assert of(furnish_again(), budget={"seconds": 60}).trials is None


def furnish_again() -> Subjects:
    with db.reading() as session:
        return session.get_one(Model, "m1"), session.get_one(Dataset, "d1")
