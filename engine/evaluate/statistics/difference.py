"""A difference between two models on the same rows, with its interval and its verdict."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Better = Literal["higher", "lower", "neither"]
Verdict = Literal["better", "no_proof", "worse"]
FEWEST = 20  # independent rows (conversations, families) below which nothing counts as proof
LEVEL = 0.05
MOST_ROWS = 1_000_000  # a difference that takes more rows than that to be proven is not worth a number
NORMAL_95, NORMAL_80 = 1.959964, 0.841621  # two-sided 5 %, power of 80 %


@dataclass(frozen=True)
class Difference:
    """`base`, `tuned`: means over the rows. `difference`: tuned - base, with a 95 % interval from `low` to `high`.

    `p`: how often chance alone gives a difference as large, were both equal. The interval leaves 0 out exactly when
    `p` is at most 0.05. `rows` were compared, in `clusters` independent groups, of which `changed` differ at all;
    `left_out` rows had no number on one of the sides. `spread`: the standard error of the difference. The numbers are
    None where there is no row, interval and spread where there is only one group. `verdict` is None where neither
    direction is better (length).
    """

    base: float | None
    tuned: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float
    rows: int
    clusters: int
    changed: int
    left_out: int
    spread: float | None
    better: Better
    verdict: Verdict | None

    @property
    def too_few(self) -> bool:
        """Whether there are fewer independent rows than can prove anything."""
        return self.clusters < FEWEST


def verdict(difference: float | None, p: float, clusters: int, better: Better) -> Verdict | None:
    """What a difference says: nothing from too few rows, or when chance alone often gives one as large."""
    if better == "neither":
        return None
    if difference is None or clusters < FEWEST or p > LEVEL:
        return "no_proof"
    return "better" if (difference > 0) == (better == "higher") else "worse"


def nothing(left_out: int, better: Better) -> Difference:
    """Where no row could be measured."""
    undecided = verdict(None, 1.0, 0, better)
    return Difference(None, None, None, None, None, 1.0, 0, 0, 0, left_out, None, better, undecided)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p values: with many measures, some differ by chance (Holm 1979). None of them falls."""
    adjusted, highest = {}, 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, p * (len(p_values) - rank)))
        adjusted[name] = highest
    return adjusted


def rows_to_decide(difference: Difference) -> int | None:
    """About how many rows in all would prove a difference of the size that was found, in four of five cases.

    None where it is decided already, where nothing differs, or where it takes more than a million rows.
    """
    if difference.verdict != "no_proof" or not difference.difference or not difference.spread:
        return None
    groups = difference.clusters * ((NORMAL_95 + NORMAL_80) * difference.spread / abs(difference.difference)) ** 2
    groups = max(groups, FEWEST)
    rows = math.ceil(groups * difference.rows / difference.clusters)
    return max(rows, difference.rows + 1) if rows <= MOST_ROWS else None


def as_perplexity(loss: Difference) -> Difference:
    """A difference of losses said in perplexities: the ends of its interval are ratios, on the base's perplexity."""
    if loss.base is None or loss.tuned is None or loss.difference is None:
        return loss
    base, tuned = _exponential(loss.base), _exponential(loss.tuned)
    low, high = (None if end is None else base * math.expm1(min(end, _LARGEST)) for end in (loss.low, loss.high))
    return replace(loss, base=base, tuned=tuned, difference=tuned - base, low=low, high=high, spread=None)


_LARGEST = 300.0


def _exponential(value: float) -> float:
    return math.exp(min(value, _LARGEST))
