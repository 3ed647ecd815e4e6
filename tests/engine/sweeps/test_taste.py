"""Picks of a person become numbers."""

import random
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


def test_the_intervals_are_those_of_the_curvature_and_shrink_with_picks() -> None:
    numbers = [0, 1, 2, 3]
    scores = taste.scores(PICKS, numbers)
    sure = taste.intervals(PICKS, scores)
    assert set(sure) == {0, 1, 2}  # 3 was never compared
    for number, (low, high) in sure.items():
        assert low < scores[number] < high
        assert (low + high) / 2 == pytest.approx(scores[number])
    many = taste.intervals(PICKS * 9, taste.scores(PICKS * 9, numbers))
    assert all(many[number][1] - many[number][0] < sure[number][1] - sure[number][0] for number in sure)
    # two trials, one comparison: by symmetry p is the same for each, the information [[a, -b], [-b, a]]
    two = taste.scores([Pick(0, 1)], [0, 1])
    chance = 1 / (1 + exp(two[1] - two[0]))
    told, prior = chance * (1 - chance), 2 * taste.PRIOR * exp(two[0]) / (1 + exp(two[0])) ** 2
    a, b = told + prior, told
    low, high = taste.intervals([Pick(0, 1)], two)[0]
    assert high - low == pytest.approx(2 * taste.NORMAL * (a / (a * a - b * b)) ** 0.5)


def test_a_lead_of_many_picks_is_sure_and_one_of_a_single_pick_is_not() -> None:
    for count, is_sure in ((1, False), (30, True)):
        picks = [Pick(0, 1)] * count
        low, high = taste.apart(picks, taste.scores(picks, [0, 1]), 0, 1)
        assert low < high
        assert (low > 0) == is_sure


def test_the_intervals_hold_what_they_promise() -> None:
    """Of made-up people who pick by known strengths, 95 of 100 intervals hold the truth, or more, for the prior."""
    chance, truth, held, told = random.Random(3), {0: -0.6, 1: 0.0, 2: 0.6}, 0, 0
    for _ in range(200):
        picks = []
        for one, other in [(0, 1), (1, 2), (0, 2)] * 12:
            wins = chance.random() < 1 / (1 + exp(truth[other] - truth[one]))
            picks.append(Pick(one, other) if wins else Pick(other, one))
        low, high = taste.apart(picks, taste.scores(picks, [0, 1, 2]), 2, 0)
        held, told = held + (low <= 1.2 <= high), told + 1
    assert held / told >= 0.93
