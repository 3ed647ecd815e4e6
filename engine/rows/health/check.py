"""What a check of a dataset is: its words for people, its weight in the score, and how it finds rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np

from engine.rows.health.batch import Batch, Mask
from engine.rows.health.fingerprints import Positions

Fix = Literal["drop", "mask", "strip"]


class Span(NamedTuple):
    """Where in a text something was found, and what it is."""

    start: int
    end: int
    what: str


@dataclass(frozen=True)
class ComparedDataset:
    """A dataset to compare with."""

    path: Path
    kind: str
    name: str


@dataclass(frozen=True)
class CheckContext:
    """What a check gets before it sees rows: a folder for what it must not hold in memory, datasets to compare with."""

    scratch: Path
    against: Sequence[ComparedDataset] = ()


@dataclass(frozen=True)
class Findings:
    """Rows by their position in the dataset, from 0, rising. `applies` is false where there was nothing to judge."""

    positions: Positions
    twins: Positions | None = None  # for each: the row it repeats
    note: str = ""
    details: dict[str, int] = field(default_factory=dict)
    applies: bool = True


NOTHING_TO_JUDGE = Findings(np.empty(0, np.int64), applies=False)


class Finder(Protocol):
    """Sees every batch of a dataset once, in order, then says what it found."""

    def see(self, batch: Batch) -> None: ...

    def findings(self) -> Findings: ...


@dataclass(frozen=True)
class Check:
    """`weight`: the points a dataset loses when every row is found. All weights together are 100."""

    name: str
    title: str
    means: str  # why it matters, for people
    weight: int
    fix: Fix
    fix_label: str
    begin: Callable[[CheckContext], Finder]
    spans: Callable[[str], list[Span]] | None = None  # what to highlight in a row's text


class RowFinder:
    """For what can be said of each row alone. `judge` gives a mask of a batch, None where there is nothing to judge."""

    def __init__(self, judge: Callable[[Batch], Mask | None]) -> None:
        self._judge = judge
        self._found: list[Positions] = []
        self._applies = False

    def see(self, batch: Batch) -> None:
        mask = self._judge(batch)
        if mask is not None:
            self._applies = True
            self._found.append(np.flatnonzero(mask) + batch.first)

    def findings(self) -> Findings:
        return Findings(together(self._found)) if self._applies else NOTHING_TO_JUDGE


def together(parts: Sequence[Positions]) -> Positions:
    """Arrays of positions as one."""
    return np.concatenate(parts).astype(np.int64) if parts else np.empty(0, np.int64)
