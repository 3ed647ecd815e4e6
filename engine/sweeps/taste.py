"""By taste: a person picks the better of two trials' answers, and the picks become one number a trial."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PRIOR = 1.0  # wins and losses, together two comparisons, against a player of strength 1
ROUNDS = 1000
CLOSE_ENOUGH = 1e-9
NORMAL = 1.959964  # the 97.5 % quantile


@dataclass(frozen=True)
class Pick:
    """Of two trials, by number, the better one. `alike`: neither was better, half a win for each."""

    better: int
    worse: int
    alike: bool = False


def scores(picks: Iterable[Pick], numbers: Sequence[int]) -> dict[int, float]:
    """The logarithm of each trial's strength; higher is better, 0 is what one without picks has.

    The Bradley-Terry model, P(i beats j) = p_i / (p_i + p_j), by the fixed-point iteration of D. R. Hunter, "MM
    algorithms for generalized Bradley-Terry models" (Annals of Statistics 32, 2004), equation 3:
    p_i = w_i / sum_j n_ij / (p_i + p_j). Each trial also has PRIOR wins and as many losses against a fixed player of
    strength 1, so that one who never lost has no infinite strength, and picks that hang together nowhere can be told.
    Picks of trials that are not in `numbers` are left out.
    """
    counted = _counted(picks, numbers)
    wins, met = _wins(counted), _met(counted)
    strengths = dict.fromkeys(numbers, 1.0)
    for _ in range(ROUNDS):
        changed = {number: _next(number, strengths, wins[number], met.get(number, {})) for number in strengths}
        moved = max((abs(math.log(changed[number] / strengths[number])) for number in strengths), default=0.0)
        strengths = changed
        if moved < CLOSE_ENOUGH:
            break
    return {number: math.log(strength) for number, strength in strengths.items()}


def _counted(picks: Iterable[Pick], numbers: Sequence[int]) -> list[Pick]:
    known = set(numbers)
    return [pick for pick in picks if pick.better in known and pick.worse in known and pick.better != pick.worse]


def intervals(picks: Sequence[Pick], scored: Mapping[int, float]) -> dict[int, tuple[float, float]]:
    """(low, high) of the score of each trial that was compared, at 95 %; `scored` is what `scores` gave.

    Score plus and minus 1.96 standard errors, from the inverse of the information (the curvature of the posterior at
    its maximum, the prior's two comparisons included): Hunter 2004, section 4.
    """
    counted = _counted(picks, list(scored))
    order = sorted({number for pick in counted for number in (pick.better, pick.worse)})
    if not order:
        return {}
    errors = np.sqrt(np.diag(_covariance(counted, scored, order)))
    return {
        number: (scored[number] - NORMAL * float(error), scored[number] + NORMAL * float(error))
        for number, error in zip(order, errors, strict=True)
    }


def apart(picks: Sequence[Pick], scored: Mapping[int, float], one: int, other: int) -> tuple[float, float]:
    """(low, high) of how far one trial's score is above another's, at 95 %. Both errors hang together, by the picks."""
    counted = _counted(picks, list(scored))
    order = sorted({one, other, *(number for pick in counted for number in (pick.better, pick.worse))})
    covariance, at, to = _covariance(counted, scored, order), order.index(one), order.index(other)
    error = math.sqrt(covariance[at, at] + covariance[to, to] - 2 * covariance[at, to])
    gain = scored[one] - scored[other]
    return gain - NORMAL * error, gain + NORMAL * error


def _covariance(counted: Sequence[Pick], scored: Mapping[int, float], order: Sequence[int]) -> "np.ndarray[Any, Any]":
    """Of the scores in that order. A comparison of i with j tells p (1 - p) of their difference, p = P(i beats j)."""
    place = {number: at for at, number in enumerate(order)}
    information = np.diag([2 * PRIOR * _told(scored[number]) for number in order])
    for pick in counted:
        one, other = place[pick.better], place[pick.worse]
        told = _told(scored[pick.better] - scored[pick.worse])
        information[[one, other], [one, other]] += told
        information[[one, other], [other, one]] -= told
    return np.linalg.inv(information)


def _told(gap: float) -> float:
    chance = 1 / (1 + math.exp(-gap))
    return chance * (1 - chance)


def _wins(picks: Sequence[Pick]) -> Counter[int]:
    wins: Counter[int] = Counter()
    for pick in picks:  # in halves, so that a Counter of whole numbers holds them
        wins[pick.better] += 1 if pick.alike else 2
        wins[pick.worse] += 1 if pick.alike else 0
    return wins


def _met(picks: Sequence[Pick]) -> dict[int, Counter[int]]:
    """How often each met each other."""
    met: dict[int, Counter[int]] = {}
    for pick in picks:
        met.setdefault(pick.better, Counter())[pick.worse] += 1
        met.setdefault(pick.worse, Counter())[pick.better] += 1
    return met


def _next(number: int, strengths: dict[int, float], half_wins: int, met: Counter[int] | dict[int, int]) -> float:
    own = strengths[number]
    weight = 2 * PRIOR / (own + 1) + sum(count / (own + strengths[other]) for other, count in met.items())
    return (half_wins / 2 + PRIOR) / weight


def next_pair(picks: Sequence[Pick], numbers: Sequence[int]) -> tuple[int, int] | None:
    """Which two to compare next; None when there are not two.

    First whoever was compared least, then against the one that stands closest to it, rather one it has not met: a pick
    says most where its outcome is open.
    """
    if len(numbers) < 2:
        return None
    met = _met(picks)
    seen = {number: sum(met.get(number, {}).values()) for number in numbers}
    first = min(numbers, key=lambda number: (seen[number], number))
    rated = scores(picks, numbers)

    def dull(other: int) -> tuple[int, int, float, int]:
        often = met.get(first, Counter())[other]
        return (often, seen[other] if not seen[first] else 0, abs(rated[other] - rated[first]), other)

    return first, min((number for number in numbers if number != first), key=dull)


def won(picks: Iterable[Pick], number: int) -> tuple[float, int]:
    """(wins, comparisons) of one trial; neither better is half a win."""
    own = [pick for pick in picks if number in (pick.better, pick.worse)]
    return sum(0.5 if pick.alike else float(pick.better == number) for pick in own), len(own)
