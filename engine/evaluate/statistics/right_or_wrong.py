"""Scores of right or wrong: McNemar's exact test decides, and the interval agrees with it."""

import math

import numpy as np

from engine.evaluate.statistics.difference import LEVEL, NORMAL_95
from engine.evaluate.statistics.resampling import Interval

HALVINGS = 60


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided p of McNemar's exact test: rows that only one of both models got right, tossed like coins.

    The same as `scipy.stats.binomtest(gained, gained + lost).pvalue`.
    """
    changed, fewer = gained + lost, min(gained, lost)
    if gained == lost:
        return 1.0
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, changed + 1)))))
    chosen = np.arange(fewer + 1)
    terms = logs[changed] - logs[chosen] - logs[changed - chosen] - changed * math.log(2)
    return min(1.0, 2 * float(np.exp(terms).sum()))


def interval(gained: int, lost: int, rows: int) -> Interval:
    """Tango's score interval of a difference of paired shares (1998), widened to hold 0 where the exact test, which is
    the stricter one, does not tell both models apart. It is not [0, 0] where no row changed."""
    p = mcnemar(gained, lost)
    low, high = tango(gained, lost, rows)
    if p > LEVEL:
        low, high = min(low, 0.0), max(high, 0.0)
    return Interval(low, high, p)


def tango(gained: int, lost: int, rows: int) -> tuple[float, float]:
    """Where the score test of a difference is at 5 %: (low, high)."""
    estimate = (gained - lost) / rows
    low = _end(gained, lost, rows, -1.0, estimate)
    return low, -_end(lost, gained, rows, -1.0, -estimate)


def _end(gained: int, lost: int, rows: int, outside: float, inside: float) -> float:
    """Between a difference that is refused and one that is not, where the score crosses 1.96."""
    for _ in range(HALVINGS):
        middle = (outside + inside) / 2
        if _score(gained, lost, rows, middle) > NORMAL_95:
            outside = middle
        else:
            inside = middle
    return inside


def _score(gained: int, lost: int, rows: int, difference: float) -> float:
    """How many standard errors the observed difference is above a supposed one (Tango 1998, formula 3)."""
    linear = -gained - lost + (2 * rows - gained + lost) * difference
    constant = -lost * difference * (1 - difference)
    share = (math.sqrt(max(0.0, linear**2 - 8 * rows * constant)) - linear) / (4 * rows)
    variance = rows * (2 * share + difference * (1 - difference))
    away = gained - lost - rows * difference
    return away / math.sqrt(variance) if variance > 1e-12 else math.copysign(math.inf, away) if away else 0.0
