"""Split: every row goes to one of two or more sides, such as train and test, by its content or by a column.

By content, the same row goes to the same side always: in every later version, after more rows came, and both copies of
a row that appears twice. That keeps what was tested on out of what is trained on; the price is that shares are met
only about (100 rows at 10 % give 10, more or less 3).
"""

from collections.abc import Iterator, Sequence
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.rows.shape import fingerprint, operation, texts

MOST_SIDES = 20


class Side(BaseModel):
    """One of the datasets that a split makes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=40, description="Added to the name of the dataset: train, test ...")
    share: float = Field(gt=0, lt=1, description="Its share of the rows.")

    @field_validator("name")
    @classmethod
    def _can_be_shown(cls, name: str) -> str:
        if name != name.strip() or not name.isprintable():
            raise ValueError("the name of a side begins or ends with a space, or has signs that cannot be shown")
        return name


class Split(operation.Shaping):
    """One side of a split by content. Each side is made by an operation of its own, from the same sides and seed."""

    op: Literal["split"] = Field(default="split", description="Divide the rows by chance.")
    sides: tuple[Side, ...] = Field(
        default=(Side(name="train", share=0.9), Side(name="test", share=0.1)),
        min_length=2,
        max_length=MOST_SIDES,
        description="The datasets to make; their shares add up to 1.",
    )
    seed: int = Field(default=42, ge=0, lt=2**63, description="Another seed divides in another way.")
    side: int = Field(default=0, ge=0, lt=MOST_SIDES, description="Which of the sides these rows are.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(sum(side.share for side in self.sides) - 1) > 1e-6:
            raise ValueError("the shares of the sides must add up to 1")
        if len({side.name for side in self.sides}) < len(self.sides):
            raise ValueError("the sides need different names")
        if self.side >= len(self.sides):
            raise ValueError("there are fewer sides")
        return self

    def words(self) -> str:
        side = self.sides[self.side]
        return f"split off as {side.name}: about {100 * side.share:g} % of the rows (seed {self.seed})"

    def passes(self) -> int:
        return 2

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        (parent,) = parents
        extra = parent.kind == "prompt"
        numbers = [fingerprint.shares(batch, extra, self.seed) for batch in workspace.read(parent)]
        sides = assigned(fingerprint.together(numbers), [side.share for side in self.sides])
        yield from operation.kept(workspace.read(parent), sides == self.side)


def assigned(numbers: npt.NDArray[np.uint64], shares: Sequence[float]) -> npt.NDArray[np.int64]:
    """The side of each row. `numbers` are spread evenly over 64 bits; a side that would stay empty gets one row."""
    ends = np.cumsum(shares)[:-1]
    sides = np.searchsorted(ends, numbers / 2.0**64, side="right")
    for empty in sorted(set(range(len(shares))) - set(sides.tolist())):
        fullest = np.bincount(sides, minlength=len(shares)).argmax()
        sides[numbers == numbers[sides == fullest].max()] = empty
    return sides


class SplitBy(operation.Shaping):
    """The rows with one value in a column."""

    op: Literal["split_by"] = Field(default="split_by", description="Divide the rows by the values of a column.")
    column: str = Field(min_length=1, max_length=200, description="A column beside what is learnt, such as `split`.")
    value: str | None = Field(default=None, description="The value of these rows; null for rows without one.")

    def words(self) -> str:
        return f"split off: rows with {self.column} = {'nothing' if self.value is None else self.value}"

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        (parent,) = parents
        for batch in workspace.read(parent):
            yield batch.filter(pa.array([cell == self.value for cell in texts.cells(batch, self.column)]))
