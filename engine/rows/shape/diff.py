"""What differs between two datasets: rows that came, rows that went, rows that changed. Streams over both."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from engine.rows.shape import convert, fingerprint, operation

Positions = npt.NDArray[np.int64]


class Diff(NamedTuple):
    """Rows by their positions. A changed row has the same number in the source before and after, and other content."""

    changed: Positions  # (n, 2): before, after
    added: Positions
    removed: Positions

    def save(self, folder: Path) -> None:
        for name, positions in self._asdict().items():
            np.save(folder / f"{name}.npy", positions, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> "Diff":
        """What `save` has written, of which only what is looked at is read."""
        return cls(*(np.load(folder / f"{name}.npy", allow_pickle=False) for name in cls._fields))


def compare(before: operation.Parent, after: operation.Parent, workspace: operation.Workspace) -> Diff:
    """Rows are the same when their content is, `extra` included; the order of rows does not count."""
    old, old_numbers = _read(before, workspace)
    new, new_numbers = _read(after, workspace)
    counted = _counted(old), _counted(new)
    removed = np.flatnonzero(~np.isin(counted[0], counted[1]))
    added = np.flatnonzero(~np.isin(counted[1], counted[0]))
    changed = _pairs(old_numbers[removed], new_numbers[added])
    pairs = np.stack([removed[changed[0]], added[changed[1]]], axis=1)
    order = np.argsort(pairs[:, 1], kind="stable")
    return Diff(pairs[order], np.delete(added, changed[1]), np.delete(removed, changed[0]))


def _read(parent: operation.Parent, workspace: operation.Workspace) -> tuple[fingerprint.Prints, Positions]:
    prints, numbers = [], []
    for batch in workspace.read(parent):
        prints.append(fingerprint.fingerprints(convert.without_source_name(batch), extra=True))
        numbers.append(pc.fill_null(batch.column("row"), -1).to_numpy(zero_copy_only=False))
    return fingerprint.together(prints), fingerprint.together(numbers).astype(np.int64)


def _counted(prints: fingerprint.Prints) -> npt.NDArray[np.void]:
    """The fingerprints with the number of equal ones before each: the third copy of a row has one of its own."""
    if not len(prints):
        return np.empty(0, dtype="V24")
    _, inverse = np.unique(prints, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    ordered = inverse[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    occurrences = np.empty(len(prints), dtype=np.int64)
    occurrences[order] = np.arange(len(prints)) - np.repeat(starts, np.diff([*starts, len(prints)]))
    columns = [prints.view(np.uint8).reshape(-1, fingerprint.BYTES), occurrences.view(np.uint8).reshape(-1, 8)]
    return np.ascontiguousarray(np.concatenate(columns, axis=1)).view("V24").ravel()


def _pairs(old: Positions, new: Positions) -> tuple[Positions, Positions]:
    """Places in both of the numbers that occur exactly once in each."""
    shared = np.intersect1d(_once(old), _once(new), assume_unique=True)
    places = [np.argsort(numbers, kind="stable")[np.searchsorted(np.sort(numbers), shared)] for numbers in (old, new)]
    return places[0], places[1]


def _once(numbers: Positions) -> Positions:
    values, counts = np.unique(numbers, return_counts=True)
    unique: Positions = values[counts == 1]
    return unique
