"""Two models on the same rows: the difference, an interval that resamples what is independent, and a verdict."""

from collections.abc import Sequence

import numpy as np

from engine.evaluate.statistics import difference, resampling, right_or_wrong
from engine.evaluate.statistics.difference import Better, Difference
from engine.evaluate.statistics.groups import Floats, Groups, grouped
from engine.evaluate.statistics.resampling import Interval

RESAMPLES, FEWEST_RESAMPLES = 9999, 1999
MOST_DRAWS = 100_000_000  # groups drawn in all; above ten thousand groups, fewer resamples tell as much

# Student's t at 97.5 %, for 1 to 18 degrees of freedom: for the 2 to 19 groups that prove nothing.
_STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131),
    *(2.120, 2.110, 2.101),
)

Scores = Sequence[float | None] | Floats


def compare(  # noqa: PLR0913  (two models on the same rows, and how they are compared)
    base: Scores,
    tuned: Scores,
    clusters: Sequence[int] | None = None,
    *,
    binary: bool,
    better: Better,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference:
    """The difference of two means over the same rows, `base[n]` and `tuned[n]` being both scores of row n.

    `clusters`: a number for each row; rows with the same number (one conversation, one family) are drawn together.
    `binary`: the scores are 0 or 1; McNemar's exact test decides. Rows without a finite number on one of the sides are
    left out, and counted. The same seed gives the same numbers.
    """
    first, second = _numbers(base), _numbers(tuned)
    if len(first) != len(second) or (clusters is not None and len(clusters) != len(first)):
        raise ValueError(f"{len(first)} scores of the base, {len(second)} of the tuned model")
    kept = np.isfinite(first) & np.isfinite(second)
    rows, left_out = int(kept.sum()), int((~kept).sum())
    if not rows:
        return difference.nothing(left_out, better)
    groups = grouped((second - first)[kept], None if clusters is None else np.asarray(clusters)[kept].tolist())
    interval, is_one = _interval(groups, binary, np.random.default_rng(seed), resamples), len(groups) == 1
    return Difference(
        base=float(first[kept].mean()),
        tuned=float(second[kept].mean()),
        difference=groups.difference,
        low=None if is_one else interval.low,
        high=None if is_one else interval.high,
        p=interval.p,
        rows=rows,
        clusters=len(groups),
        changed=int((groups.totals != 0).sum()),
        left_out=left_out,
        spread=None if is_one else groups.spread,
        better=better,
        verdict=difference.verdict(groups.difference, interval.p, len(groups), better),
    )


def _interval(groups: Groups, binary: bool, generator: np.random.Generator, resamples: int) -> Interval:
    if binary and (groups.are_single_rows or not groups.totals.any()):
        gained, lost = int((groups.totals > 0).sum()), int((groups.totals < 0).sum())
        return right_or_wrong.interval(gained, lost, len(groups))
    most = max(FEWEST_RESAMPLES, MOST_DRAWS // len(groups))
    interval = resampling.interval(groups, generator, min(resamples, most))
    return interval if len(groups) >= difference.FEWEST else _widened(interval, groups)


def _widened(interval: Interval, groups: Groups) -> Interval:
    """Of few groups no resampling makes 95 %: the interval is at least Student's, and nothing is proven."""
    reach = _STUDENT[len(groups) - 2] * groups.spread if len(groups) > 1 else 0.0
    low, high = min(interval.low, groups.difference - reach), max(interval.high, groups.difference + reach)
    return Interval(low, high, max(interval.p, 0.051) if low <= 0 <= high else interval.p)


def _numbers(scores: Scores) -> Floats:
    return np.array([np.nan if score is None else score for score in scores], np.float64)
