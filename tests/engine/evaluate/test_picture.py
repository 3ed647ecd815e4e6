"""Intervals as drawings: right of the middle is better, whatever direction the numbers go."""

import re
from typing import Any

import pytest

from engine.evaluate import picture
from tests.fixed_reports import BETTER

METRICS = {metric["name"]: metric for metric in BETTER["metrics"]}


def places(drawn: str) -> list[float]:
    """Left end, right end and dot, in per cent."""
    found = re.search(r'ev-range" x1="([\d.]+)%" x2="([\d.]+)%".*?circle cx="([\d.]+)%"', drawn)
    assert found
    return [float(place) for place in found.groups()]


@pytest.mark.parametrize(("name", "is_right"), [("exact_match", True), ("nll", True), ("repetition", False)])
def test_better_is_right_of_the_middle_and_worse_is_left(name: str, is_right: bool) -> None:
    assert all((place > 50) is is_right for place in places(str(picture.interval(METRICS[name]))))


def test_an_interval_that_crosses_zero_crosses_the_line() -> None:
    low, high, dot = places(str(picture.interval(METRICS["chrf"])))
    assert low < 50 < dot < high <= 100


def test_what_it_shows_is_also_said_in_words() -> None:
    drawn = picture.interval(METRICS["nll"])
    assert 'aria-label="−2.19, 95 % interval −2.40 to −1.90, lower is better"' in drawn


def test_one_scale_is_shared_where_it_is_given() -> None:
    metrics: list[dict[str, Any]] = [METRICS["exact_match"], {**METRICS["exact_match"], "high": 2.0}]
    extent = picture.extent_of(metrics)
    assert extent == 2.0
    assert places(str(picture.interval(metrics[0], extent)))[1] < 75


def test_no_difference_at_all_is_a_dot_on_the_line() -> None:
    flat = {**METRICS["chrf"], "low": 0.0, "difference": 0.0, "high": 0.0}
    assert places(str(picture.interval(flat))) == [50, 50, 50]
