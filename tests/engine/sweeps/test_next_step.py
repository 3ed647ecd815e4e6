"""What a sweep does next: by its rows alone."""

from typing import Any

import pytest

from engine.sweeps import trial_recipes
from engine.sweeps.life import next_step
from engine.sweeps.life.next_step import Standing, Step
from engine.sweeps.spec import SweepSpec
from engine.sweeps.study import Trial

RATES = {"learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}}


def a_spec(**changes: Any) -> SweepSpec:
    usual = {"name": "s", "recipe": {"learning_rate": 1e-4}, "space": RATES, "budget": {"trials": 10}}
    return SweepSpec.model_validate({**usual, **changes})


def trial(number: int, value: float | None = None, state: str = "complete", **fields: Any) -> Trial:
    fields = {"params": {"learning_rate": 1e-4}, "ended_at": float(number), **fields}
    values = (value,) if value is not None else None
    return Trial.model_validate({"number": number, "state": state, "values": values, **fields})


def standing(spec: SweepSpec, *trials: Trial, **fields: Any) -> Standing:
    return Standing(spec, trials, goal=spec.budget.trials, **fields)


def finished(*values: float) -> list[Trial]:
    return [trial(number, value) for number, value in enumerate(values)]


def test_the_first_trial_tries_the_recipes_own_settings_where_the_space_has_them() -> None:
    (first,) = next_step.after(standing(a_spec())).begin
    assert (first.params, first.phase) == ({"learning_rate": 1e-4}, "search")
    assert next_step.after(standing(a_spec(recipe={"learning_rate": 0.5}))) == Step(ask=1)
    assert next_step.after(standing(a_spec(sampler="grid"))) == Step(ask=1)


def test_so_many_are_asked_for_as_there_are_slots_and_the_goal_allows() -> None:
    spec = a_spec()
    assert next_step.after(standing(spec, *finished(3, 2), slots=4)).ask == 4
    assert next_step.after(standing(spec, *finished(*range(8)), trial(8, state="running"), slots=4)).ask == 1
    assert next_step.after(standing(spec, trial(0, state="running"))) == next_step.WAIT
    refused = [trial(number, state="refused") for number in range(9)]
    assert next_step.after(standing(spec, *refused, slots=20)).ask == 10  # they use up nothing


def test_the_search_ends_by_what_is_used_up_first_and_waits_for_what_still_trains() -> None:
    spec = a_spec(budget={"trials": 3, "seconds": 60, "tokens": 1000})
    done = finished(3, 2)
    assert next_step.after(standing(spec, *done)).ask == 1
    assert next_step.after(standing(spec, *done, seconds=61)).reason == "The 60 seconds are used up."
    assert next_step.after(standing(spec, *done, trial(2, 1, tokens=1000), seconds=1)).reason.startswith("The 1,000")
    assert next_step.after(standing(spec, *done, trial(2, 1))) == Step(stage="finish", reason="All 3 trials were made.")
    assert next_step.after(standing(spec, *done, trial(2, state="running"))) == next_step.WAIT
    lifted = Standing(spec, (*done,), goal=5, is_lifted=True, seconds=999)
    assert next_step.after(lifted).ask == 1


def test_a_search_without_one_finished_trial_has_failed_and_says_why() -> None:
    spec = a_spec(budget={"trials": 2}, failures=5)
    step = next_step.after(standing(spec, trial(0, state="failed", reason="No."), trial(1, state="pruned")))
    assert (step.end, step.error) == ("failed", "No trial has finished. No.")


def test_it_stops_when_it_no_longer_pays_and_measures_chance_before_it_says_so() -> None:
    worse = finished(1.0, 2.0, 2.0, 2.0)
    assert "No gain" in next_step.after(standing(a_spec(patience=3), *worse)).reason
    assert next_step.after(standing(a_spec(patience=4), *worse)).ask == 1
    repeated = a_spec(patience=4, repeats=2)
    begun = next_step.after(standing(repeated, *worse, slots=4)).begin
    assert [(one.phase, one.of, one.seed) for one in begun] == [("repeat", 0, 43), ("repeat", 0, 44)]


def test_failures_alike_in_a_row_end_it_and_other_ones_do_not() -> None:
    spec = a_spec(failures=3)
    alike = [trial(number, state="failed", reason=f"Out of memory at step {number}.") for number in range(3)]
    step = next_step.after(standing(spec, *alike))
    assert (step.end, step.error) == (
        "failed",
        "3 trials in a row have failed for the same reason: Out of memory at step 2.",
    )
    other = trial(3, state="failed", reason="The dataset is gone.")
    assert next_step.after(standing(spec, *alike[1:], other)).end == ""
    assert next_step.after(standing(spec, *alike[:2], trial(2, 1.0))).end == ""
    refused = trial(9, state="refused", reason="No.")
    assert next_step.after(standing(spec, *alike, refused)).end == "failed"  # it says nothing about failures
    assert next_step.after(standing(spec, *alike, since=1.5)).end == ""  # it was resumed after the second
    stopped = [trial(number, state="failed", reason=next_step.ENDED_WITH_SWEEP) for number in range(3)]
    assert next_step.after(standing(spec, *stopped)).end == ""


def test_a_space_that_refuses_everything_ends_it() -> None:
    refused = [trial(number, state="refused", reason="No.") for number in range(next_step.MOST_REFUSED)]
    assert next_step.after(standing(a_spec(), *refused[1:])).end == ""
    assert next_step.after(standing(a_spec(), *refused)).error.endswith("The last reason: No.")


def test_after_a_cheap_search_the_best_few_are_trained_in_full_and_the_best_repeated_once_each() -> None:
    spec = a_spec(proxy={"max_steps": 5, "full": 2}, repeats=1)
    search = finished(3.0, 1.0, 2.0)
    first = next_step.after(Standing(spec, tuple(search), "finish", slots=9))
    assert [(one.phase, one.of) for one in first.begin] == [("full", 1), ("full", 2), ("repeat", 1)]
    rest = (
        trial(3, 1, phase="full", of=1),
        trial(4, phase="full", of=2, state="failed"),
        trial(5, 1, phase="repeat", of=1),
    )
    assert next_step.after(Standing(spec, (*search, *rest), "finish")) == Step(end="succeeded")
    over = Standing(spec, tuple(search), "extra", reason="All 2 trials were made.")
    assert next_step.after(over) == Step(end="succeeded")  # what was asked for is done
    assert next_step.after(Standing(spec, tuple(search), "extra")) == Step(end="stopped")  # its search never ended


def test_of_several_objectives_those_that_none_beats_come_first() -> None:
    both = [{"metric": "eval_loss"}, {"metric": "seconds"}]
    trials = [
        Trial(number=number, state="complete", params={}, values=values)
        for number, values in enumerate([(1.0, 9.0), (1.5, 9.5), (2.0, 1.0)])
    ]
    leading = next_step.leading(standing(a_spec(objective=both), *trials))
    assert [one.number for one in leading] == [0, 2, 1]


@pytest.mark.parametrize(
    ("proxy", "recipe", "expected"),
    [
        ({"max_steps": 5}, {"max_steps": 100}, (5, 1.0)),
        ({"max_steps": 5}, {"max_steps": 3}, (3, 1.0)),
        ({"data_share": 0.25}, {"num_train_epochs": 2}, (-1, 0.5)),
        ({"data_share": 0.25}, {"max_steps": 100}, (25, 1.0)),
        ({"data_share": 0.5, "max_steps": 5}, {}, (5, 0.5)),
    ],
)
def test_a_cheaper_training_has_fewer_steps_or_reads_a_share_of_the_rows(
    proxy: dict[str, float], recipe: dict[str, float], expected: tuple[int, float]
) -> None:
    whole = {"model_id": "m1", "dataset_id": "d1", "num_train_epochs": 1, **recipe}
    cheap = trial_recipes.of(a_spec(recipe=whole, proxy=proxy), {"learning_rate": 1e-4})
    assert (cheap.max_steps, cheap.num_train_epochs) == expected
    in_full = trial_recipes.of(a_spec(recipe=whole, proxy=proxy), {"learning_rate": 1e-4}, "full")
    assert (in_full.max_steps, in_full.num_train_epochs) == (whole.get("max_steps", -1), whole["num_train_epochs"])
