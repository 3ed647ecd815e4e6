"""How many rows are held out, from the number of rows alone: before a row is read.

Which rows they are is decided by keys spread evenly over 64 bits (see `engine.rows.heldout.choice`): held out is what
lies below a cut. The cut depends on the number of rows only where it has to, so that a dataset that grows keeps its
held-out rows: 10 % up to 400 rows, 5 % up to 10,000, and beyond that half as much each time the rows double. A lower
cut holds out a part of what a higher one does, so the rows below the lower one were learnt by neither.
"""

import math
from dataclasses import dataclass

SHARE = 0.05
LEAST, MOST = 20, 500  # rows, in all
LEAST_ROWS = 200  # of the dataset: of fewer, twenty would be more than a tenth
LEAST_PART = 20  # rows; with fewer than twice as many there is one part, which decides and reports
SLACK = 0.2  # a part may have so much more or less than its share, before keys beside the cut are counted in or out


@dataclass(frozen=True)
class Amount:
    """`share` of the rows in `parts` parts: none, the one for the curve, or another for the report beside it."""

    rows: int
    share: float = 0.0
    parts: int = 0

    @property
    def held_out(self) -> int:
        """About how many rows are held out."""
        return max(round(self.rows * self.share), 1) if self.parts else 0

    @property
    def test(self) -> int:
        """About how many for the report."""
        return self.held_out // 2 if self.parts == 2 else 0

    @property
    def eval(self) -> int:
        """About how many for the curve."""
        return self.held_out - self.test

    def bounds(self, by_default: bool) -> tuple[int, int]:
        """The fewest and the most rows of each part."""
        part = self.rows * self.share / self.parts
        slack = part * SLACK
        least, most = (math.ceil(part - slack), math.floor(part + slack)) if slack >= 1 else 2 * (max(1, round(part)),)
        if by_default:
            least, most = max(least, LEAST if self.parts == 1 else 1), min(most, MOST // self.parts)
        return least, max(least, most)


def held_out_amount(rows: int, fraction: float | None) -> Amount:
    """What a recipe's eval_fraction means for so many rows. None: the default; 0: nothing."""
    if fraction is not None:
        share = fraction
    elif rows < LEAST_ROWS:
        share = 0.0
    else:
        share = SHARE if rows * SHARE >= LEAST else 2 * SHARE
        while rows * share > MOST:
            share /= 2
    if not share or rows < 2:
        return Amount(rows)
    is_enough = round(rows * (SHARE if fraction is None else share)) >= 2 * LEAST_PART
    return Amount(rows, share, 2 if is_enough else 1)


def in_words(amount: Amount, fraction: float | None) -> str:
    """What will be held out, in a line."""
    if fraction == 0:
        return "No rows are held out: nothing will show whether the model learns or memorises."
    if not amount.parts:
        return f"No rows are held out: {amount.rows:,} are too few. By default it takes {LEAST_ROWS}."
    if amount.parts == 1:
        return f"{_share(amount)} held out: about {amount.eval:,} rows, for the curve. Too few for a report of its own."
    return f"{_share(amount)} held out: about {amount.eval:,} rows for the curve, {amount.test:,} for the report."


def _share(amount: Amount) -> str:
    return f"{100 * amount.share:.2g} %"
