"""Mix: each row is the next one of a dataset drawn by weight, as `datasets.interleave_datasets` does it."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field

from engine.rows.shape import convert, operation
from engine.rows.verdict import Kind

MOST_GROWTH = 100  # a tiny dataset of great weight would be repeated for ever


class Mix(operation.Shaping):
    """Rows of one dataset keep their order among each other; see `merge` for what they remember."""

    op: Literal["mix"] = Field(default="mix", description="Mix several datasets by weight.")
    weights: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] = Field(
        min_length=2, max_length=50, description="One for each dataset, in their order: 3 and 1 give three to one."
    )
    seed: int = Field(default=42, ge=0, lt=2**63, description="Another seed draws in another order.")
    stop: Literal["first", "all"] = Field(
        default="first",
        description="first: until one dataset is used up. all: until each was used up; the others begin anew.",
    )

    def words(self) -> str:
        weights = " : ".join(f"{weight:g}" for weight in self.weights)
        until = "one was used up" if self.stop == "first" else "all were used up, repeating the others"
        return f"mixed {weights} until {until} (seed {self.seed})"

    def kind(self, parents: Sequence[operation.Parent]) -> Kind:
        return convert.common_kind([parent.kind for parent in parents])

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        kind = self.kind(parents)
        piles = [_Pile(parent, kind, workspace) for parent in parents]
        generator = np.random.default_rng(self.seed)
        probabilities = np.array(self.weights) / sum(self.weights)
        left = MOST_GROWTH * sum(parent.rows for parent in parents)
        finished = any if self.stop == "first" else all
        while left > 0 and not finished(pile.used_up for pile in piles):
            drawn = self._until_over(
                generator.choice(len(piles), size=min(left, operation.BATCH_ROWS), p=probabilities), piles
            )
            left -= len(drawn)
            yield _woven(drawn, piles)
        if left <= 0:
            workspace.notes.append(
                f"Ended at {MOST_GROWTH} times the rows of all datasets: a large one is drawn too rarely."
            )

    def _until_over(self, drawn: npt.NDArray[np.int64], piles: "list[_Pile]") -> npt.NDArray[np.int64]:
        """The draws up to the one that takes the last row needed."""
        ends = [_nth(drawn == number, pile.left) for number, pile in enumerate(piles) if not pile.used_up]
        end = min(ends) if self.stop == "first" else max(ends)
        return drawn[: end + 1]


def _nth(hits: npt.NDArray[np.bool_], nth: int) -> int:
    """Where the nth hit is; the end when there are fewer."""
    positions = np.flatnonzero(hits)
    return int(positions[nth - 1]) if len(positions) >= nth else len(hits)


def _woven(drawn: npt.NDArray[np.int64], piles: "list[_Pile]") -> pa.RecordBatch:
    """The next rows of each pile, in the order they were drawn in."""
    counts = np.bincount(drawn, minlength=len(piles))
    parts = [part for number, pile in enumerate(piles) for part in pile.take(int(counts[number]))]
    order = np.empty(len(drawn), dtype=np.int64)
    order[np.argsort(drawn, kind="stable")] = np.arange(len(drawn))
    return pa.Table.from_batches(parts).take(pa.array(order)).combine_chunks().to_batches()[0]


class _Pile:
    """The rows of a dataset, taken from the top; it begins anew after the last one."""

    def __init__(self, parent: operation.Parent, kind: Kind, workspace: operation.Workspace) -> None:
        self._parent, self._kind, self._workspace = parent, kind, workspace
        self._taken = 0
        self._rows = self._endless()
        self._held: pa.RecordBatch | None = None

    @property
    def left(self) -> int:
        """Rows until it is used up for the first time."""
        return max(0, self._parent.rows - self._taken)

    @property
    def used_up(self) -> bool:
        return self.left == 0

    def take(self, count: int) -> Iterator[pa.RecordBatch]:
        """The next `count` rows."""
        self._taken += count
        while count > 0:
            held = self._held if self._held is not None and self._held.num_rows else next(self._rows)
            part = held.slice(0, count)
            self._held = held.slice(part.num_rows)
            count -= part.num_rows
            yield part

    def _endless(self) -> Iterator[pa.RecordBatch]:
        while True:
            for batch in self._workspace.read(self._parent):
                yield convert.with_source_name(convert.as_kind(batch, self._parent.kind, self._kind), self._parent.name)
