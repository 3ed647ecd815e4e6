"""Which rows are held out, by the keys of their groups: those below a cut, in two parts by the last bit of the key."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.rows.health.fingerprints import Hashes
from engine.rows.heldout.amount import Amount

Side = np.uint8
Sides = npt.NDArray[np.uint8]
LEARNT, EVAL, TEST = np.uint8(0), np.uint8(1), np.uint8(2)


class Wanted(NamedTuple):
    """How many, and whether that is the studio's default, which has a least and a most.

    `tops_up`: given rows of other datasets count, so that all together are as many. Among versions of one dataset the
    cut stays where it is, and the given rows lie below it anyway.
    """

    amount: Amount
    by_default: bool
    tops_up: bool = False


def sides(keys: Hashes, amounts: Wanted, given: Sides, complete: Collection[int] = ()) -> Sides:
    """The side of each row. Those that are `given` one keep it; parts that are `complete` get no more."""
    chosen = given.copy()
    if not amounts.amount.parts:
        return chosen
    least, most = amounts.amount.bounds(amounts.by_default)
    for side in (EVAL, TEST)[: amounts.amount.parts]:
        if side in complete:
            continue
        free = chosen == LEARNT
        if amounts.amount.parts == 2:
            free &= (keys & np.uint64(1)) == np.uint64(side == TEST)
        there = int((given == side).sum())
        if there < most:
            share = amounts.amount.share * (_missing(amounts.amount, there) if amounts.tops_up else 1)
            taken = _taken(keys[free], share, (least - there, most - there))
            chosen[np.flatnonzero(free)[taken]] = side
    return chosen


def _missing(amount: Amount, there: int) -> float:
    """The share of a part that is still to be chosen."""
    return max(0.0, 1 - there * amount.parts / (amount.rows * amount.share))


def _taken(keys: Hashes, share: float, bounds: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The keys below the cut at `share`; more, in their order, while there are too few, fewer while too many.

    Rows with the same key are one group: all or none of them.
    """
    least, most = bounds
    values, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
    fitting = counts <= most
    ends = np.cumsum(np.where(fitting, counts, 0))
    below = int(np.searchsorted(values, np.uint64(min(share, 1 - 2**-53) * 2.0**64)))
    below = max(below, int(np.searchsorted(ends, least)) + 1) if least > 0 else below
    below = min(below, int(np.searchsorted(ends, most, side="right")))
    return np.asarray(((np.arange(len(values)) < below) & fitting)[group])
