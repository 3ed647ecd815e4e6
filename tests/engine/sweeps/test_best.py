"""How far the best is ahead of the start, and how sure that is."""

from dataclasses import replace
from math import sqrt

import pytest

from engine.sweeps import best, noise
from engine.sweeps.study import Trial
from tests import recorded_sweep

START = {"learning_rate": 2e-4}


def trial(number: int, value: float | None, rate: float = 2e-4, **more: object) -> Trial:
    state = "failed" if value is None else "complete"
    fields = {"number": number, "state": state, "params": {"learning_rate": rate}, "values": value and (value,), **more}
    return Trial.model_validate(fields)


def repeat(number: int, value: float, of: int) -> Trial:
    return trial(number, value, phase="repeat", of=of)


def test_a_lead_without_repeats_is_told_and_its_sureness_is_unknown() -> None:
    lead = best.lead([trial(0, 1.5), trial(1, 1.25, 1e-3)], START, "minimize")
    assert lead is not None
    assert (lead.best.number, lead.gain, lead.low, lead.verdict) == (1, 0.25, None, "unknown")
    assert "not repeated" in lead.why


def test_the_interval_is_the_two_sample_one_and_leaves_out_the_value_that_was_picked() -> None:
    trials = [trial(0, 1.5), trial(1, 1.0, 1e-3), repeat(2, 1.1, 1), repeat(3, 1.2, 1), repeat(4, 1.3, 1)]
    lead = best.lead(trials, START, "minimize")
    assert lead is not None
    assert lead.low is not None
    assert lead.high is not None
    assert lead.value == pytest.approx(1.2)  # not 1.0, nor with it
    margin = 4.303 * 0.1 * sqrt(1 / 3 + 1)  # s = 0.1 with two degrees of freedom
    assert (lead.low, lead.high) == pytest.approx((0.3 - margin, 0.3 + margin))
    assert lead.verdict == "unclear"


def test_the_repeats_of_other_trials_make_the_noise_better_known() -> None:
    own = [trial(0, 1.5), trial(1, 1.0, 1e-3), repeat(2, 1.1, 1), repeat(3, 1.2, 1), repeat(4, 1.3, 1)]
    others = [repeat(5, 1.51, 0), repeat(6, 1.49, 0), trial(7, 1.3, 5e-4), repeat(8, 1.3, 7), repeat(9, 1.31, 7)]
    lead = best.lead([*own, *others], START, "minimize")
    assert lead is not None
    assert lead.verdict == "better"


def test_a_gain_is_positive_whichever_direction_is_better() -> None:
    lead = best.lead([trial(0, 0.25), trial(1, 0.75, 1e-3)], START, "maximize")
    assert lead is not None
    assert lead.gain == 0.5


def test_a_start_that_was_not_beaten_or_not_tried_is_said() -> None:
    same = best.lead([trial(0, 1.0), trial(1, 1.5, 1e-3)], START, "minimize")
    gone = best.lead([trial(0, None), trial(1, 1.5, 1e-3)], START, "minimize")
    assert same is not None
    assert (same.verdict, same.gain) == ("same", 0.0)
    assert gone is not None
    assert gone.gain is None
    assert "start is unknown" in gone.why
    assert best.lead([trial(0, None)], START, "minimize") is None


def test_the_recorded_sweep_is_better_than_its_start() -> None:
    picture = recorded_sweep.picture()
    lead = picture.lead()
    assert lead is not None
    assert lead.low is not None
    assert lead.verdict == "better"
    assert lead.repeats == 3
    assert lead.gain == pytest.approx(0.0589, abs=1e-4)
    assert picture.counts() == {"complete": 43, "pruned": 11, "failed": 4, "refused": 2}
    assert replace(lead, why="") == lead


@pytest.mark.parametrize(("freedom", "right"), [(1, 12.706), (10, 2.228), (11, 2.201), (15, 2.131), (30, 2.042)])
def test_students_t_is_that_of_the_tables(freedom: int, right: float) -> None:
    assert noise.student(freedom) == pytest.approx(right, abs=1e-3)
