"""Picks of a person become numbers."""

from math import exp

import pytest

from engine.sweeps import taste
from engine.sweeps.taste import Pick

PICKS = [Pick(0, 1), Pick(0, 1), Pick(1, 2), Pick(1, 2), Pick(2, 0), Pick(0, 2), Pick(1, 2, alike=True)]


def test_the_scores_are_where_the_posterior_is_greatest() -> None:
    strength = {number: exp(score) for number, score in taste.scores(PICKS, [0, 1, 2, 3]).items()}
    for number, own in strength.items():
        wins, met = taste.won(PICKS, number)
        others = [p.worse if p.better == number else p.better for p in PICKS if number in (p.better, p.worse)]
        expected = sum(own / (own + strength[other]) for other in others) + 2 * taste.PRIOR * own / (own + 1)
        assert len(others) == met
        assert wins + taste.PRIOR == pytest.approx(expected, abs=1e-6)


def test_who_wins_more_is_higher_and_who_has_no_picks_is_in_the_middle() -> None:
    scores = taste.scores(PICKS, [0, 1, 2, 3])
    assert scores[0] > scores[1] > scores[2]
    assert scores[3] == 0.0


def test_one_that_never_lost_has_a_finite_score_and_two_alike_have_the_same() -> None:
    scores = taste.scores([Pick(0, 1)] * 40 + [Pick(2, 3, alike=True)] * 5, [0, 1, 2, 3])
    assert 1.5 < scores[0] < 10
    assert scores[2] == pytest.approx(scores[3])


def test_picks_of_trials_that_are_gone_are_left_out() -> None:
    assert taste.scores([Pick(0, 9), Pick(9, 1), Pick(1, 1)], [0, 1]) == {0: 0.0, 1: 0.0}


def test_the_next_pair_is_of_those_compared_least_and_never_the_same_twice_before_others() -> None:
    assert taste.next_pair([], [4]) is None
    picks: list[Pick] = []
    pairs = []
    for _ in range(6):
        pair = taste.next_pair(picks, [1, 2, 3, 4])
        assert pair is not None
        pairs.append(frozenset(pair))
        picks.append(Pick(*pair))
    assert len(set(pairs)) == 6  # all pairs of four
