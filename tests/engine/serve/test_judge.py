"""When a deployment on trial goes back, goes on, or is kept."""

import random

import pytest

from engine.serve.rollout.judge import Side, at_least, lateness_probability, verdict


def times(count: int, median: float, seed: int = 1) -> list[float]:
    """Answers differ in length, so times are spread widely: log-normal, a sixth beyond 2.7 times the median."""
    chance = random.Random(seed)
    return [median * chance.lognormvariate(0, 1) for _ in range(count)]


def test_a_trial_lasts_as_long_as_was_asked_and_then_is_kept() -> None:
    blue, green = Side(900, 2), Side(100, 0)
    assert verdict(blue, green, 30, 60).word == "on"
    assert "30 s are left" in verdict(blue, green, 30, 60).reason
    kept = verdict(blue, green, 60, 60)
    assert (kept.word, kept.reason) == ("promote", "It answered 100 requests, 0 of them with an error.")


def test_nothing_is_kept_that_was_hardly_asked() -> None:
    found = verdict(Side(900, 0), Side(19, 0), 5_000, 60)
    assert (found.word, found.reason) == ("on", "19 of at least 20 requests were answered.")


@pytest.mark.parametrize(
    ("blue", "green", "word"),
    [
        (Side(100, 0), Side(10, 3), "back"),  # three of ten, beside none of a hundred
        (Side(100, 0), Side(2, 2), "on"),  # two may be an accident
        (Side(100, 50), Side(10, 5), "on"),  # as bad as before: clients send what nobody can answer
        (Side(100, 30), Side(40, 36), "back"),
        (Side(0, 0), Side(3, 3), "back"),  # every request goes to green, and each fails
        (Side(5, 0), Side(60, 3), "on"),  # one in twenty, beside a blue that has hardly answered
        (Side(10_000, 5), Side(100_000, 60), "on"),
        (Side(10_000, 5), Side(100_000, 2_000), "back"),
    ],
)
def test_errors_send_it_back_where_they_are_clearly_more_than_before(blue: Side, green: Side, word: str) -> None:
    assert verdict(blue, green, 1, 60).word == word


def test_it_says_how_many_failed_on_each_side() -> None:
    reason = verdict(Side(100, 1), Side(10, 4), 1, 60).reason
    assert reason == "4 of its 10 requests failed, compared with 1 of 100 of the version before."


@pytest.mark.parametrize("kind", ["stream", "whole"])
def test_answers_that_come_twice_as_late_send_it_back(kind: str) -> None:
    blue, green = Side(200, 0, **{kind: times(200, 0.4)}), Side(60, 0, **{kind: times(60, 1.0, seed=2)})
    found = verdict(blue, green, 100, 60)
    assert found.word == "back"
    assert "version before (medians)" in found.reason


def test_times_are_compared_with_their_own_kind_only() -> None:
    streams, wholes = times(200, 0.1), times(200, 3.0)
    assert verdict(Side(400, 0, stream=streams), Side(50, 0, whole=wholes), 100, 60).word == "promote"


def test_a_hundred_equal_deployments_are_all_kept_however_often_they_are_judged() -> None:
    words = []
    for seed in range(100):
        blue, green = times(200, 0.5, seed), times(200, 0.5, 1_000 + seed)
        looks = [verdict(Side(n, 0, whole=blue[:n]), Side(n, 0, whole=green[:n]), n, 60) for n in range(10, 201, 10)]
        words += [look.word for look in looks]
    assert "back" not in words


def test_a_difference_nobody_notices_sends_nothing_back() -> None:
    blue, green = Side(200, 0, whole=[0.010] * 200), Side(200, 0, whole=[0.030] * 200)
    assert verdict(blue, green, 100, 60).word == "promote"


def test_the_bound_on_chance_is_never_below_the_exact_probability() -> None:
    assert at_least(3, 10, 0.5) == 1
    assert at_least(3, 3, 0.01) == pytest.approx(0.01**3)
    exact = (220 + 66 + 12 + 1) / 4096  # of nine or more heads in twelve throws of a coin
    assert exact < at_least(9, 12, 0.5) < 3 * exact


def test_the_rank_sum_agrees_with_worked_examples() -> None:
    assert lateness_probability([1.0, 2, 3, 4], [1.0, 2, 3, 4]) == pytest.approx(0.5)
    # U = 16 of 16, mean 8, deviation sqrt(12): z = 2.309
    assert lateness_probability([1.0, 2, 3, 4], [5.0, 6, 7, 8]) == pytest.approx(0.01046, abs=1e-4)
    assert lateness_probability([5.0, 6, 7, 8], [1.0, 2, 3, 4]) == pytest.approx(1 - 0.01046, abs=1e-4)
