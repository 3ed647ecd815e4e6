"""Intervals by resampling groups of rows: two ways, each right where the other is not.

*Random subsets* (Hartigan 1969): each group is in or out by the toss of a coin, and the means of such subsets are
counted. The interval is exact at any number of rows when the differences are as likely to be up as down, which they
are when both models are equally good; it is the one that belongs to the sign-flip test, and for right-or-wrong scores
that test is McNemar's. *Studentised bootstrap* (Efron and Tibshirani 1993, 12.5): groups drawn with replacement, each
draw measured by its own spread. It follows skewed differences, where the first is too short on one side, and is too
short itself where a few rows are far out. The wider end of both is taken. Measured: tests/bench/verdicts.py.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.evaluate.statistics.groups import Floats, Groups

AT_ONCE = 1 << 21  # numbers in memory
NOTHING = 1e-12  # of the sum of all differences: what is smaller is a rounding error, and counts as none


class Interval(NamedTuple):
    """`p` is at most 0.05 exactly when 0 is not between `low` and `high`."""

    low: float
    high: float
    p: float


def interval(groups: Groups, generator: np.random.Generator, resamples: int) -> Interval:
    """The 95 % interval of the mean difference, and the p value that belongs to it."""
    first, second = _by_subsets(groups, generator, resamples), _studentised(groups, generator, resamples)
    return Interval(min(first.low, second.low), max(first.high, second.high), max(first.p, second.p))


def _by_subsets(groups: Groups, generator: np.random.Generator, resamples: int) -> Interval:
    means = np.concatenate([_subset_means(groups, chosen) for chosen in _tosses(generator, resamples, len(groups))])
    means[np.abs(means) <= NOTHING * np.abs(groups.totals).sum()] = 0.0
    means.sort()
    rank = _rank(resamples)
    below, above = int((means <= 0).sum()), int((means >= 0).sum())
    return Interval(float(means[rank]), float(means[-1 - rank]), _two_sided(below, above, resamples))


def _tosses(generator: np.random.Generator, resamples: int, count: int) -> Iterator[npt.NDArray[np.uint8]]:
    """(draws, count) of 0 and 1, a part at a time."""
    width = -(-count // 8)
    for draws in _parts(resamples, count):
        bits = np.frombuffer(generator.bytes(draws * width), np.uint8).reshape(draws, width)
        yield np.unpackbits(bits, axis=1, count=count)


def _subset_means(groups: Groups, chosen: npt.NDArray[np.uint8]) -> Floats:
    weights = chosen.astype(np.float64)
    sizes = weights @ groups.sizes
    # A subset of nothing stands for the sample as it is: no sign was flipped.
    return np.where(sizes > 0, weights @ groups.totals / np.maximum(sizes, 1.0), groups.difference)


def _studentised(groups: Groups, generator: np.random.Generator, resamples: int) -> Interval:
    spread = groups.spread
    if spread == 0:
        return Interval(groups.difference, groups.difference, 0.0 if groups.difference else 1.0)
    parts = (generator.integers(0, len(groups), (draws, len(groups))) for draws in _parts(resamples, len(groups)))
    ratios = np.concatenate([_ratios(groups, drawn) for drawn in parts])
    ratios.sort()
    rank, own = _rank(resamples), groups.difference / spread
    low, high = (groups.difference - spread * float(ratios[place]) for place in (-1 - rank, rank))
    below, above = int((ratios >= own).sum()), int((ratios <= own).sum())
    return Interval(low, high, _two_sided(below, above, resamples))


def _ratios(groups: Groups, drawn: npt.NDArray[np.int64]) -> Floats:
    """How many of its own spreads each draw's mean is away from the mean of all."""
    totals, sizes = groups.totals[drawn], groups.sizes[drawn]
    rows = sizes.sum(axis=1)
    means = totals.sum(axis=1) / rows
    rest = totals - means[:, None] * sizes
    count = len(groups)
    spreads = np.sqrt(count / (count - 1) * (rest**2).sum(axis=1)) / rows
    away = means - groups.difference
    tiny = spreads <= NOTHING * np.abs(groups.totals).max()  # the same group again and again says nothing
    return np.where(tiny, 0.0, away / np.where(tiny, 1.0, spreads))


def _parts(resamples: int, count: int) -> Iterator[int]:
    step = max(1, AT_ONCE // max(1, count))
    for start in range(0, resamples, step):
        yield min(step, resamples - start)


def _rank(resamples: int) -> int:
    """Where, among the sorted draws, an end of the interval is: 2.5 % are beyond it."""
    return max(1, (resamples + 1) // 40) - 1


def _two_sided(below: int, above: int, resamples: int) -> float:
    return min(1.0, 2 * (1 + min(below, above)) / (resamples + 1))
