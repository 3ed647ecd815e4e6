"""Sketches of many texts, kept on disk while they are compared: memory stays small at any number of rows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.rows.health.fingerprints import Hashes, Positions
from engine.rows.health.sketches import ALIKE, BANDS, NUMBERS, Sketch

COMPARED_AT_ONCE = 1 << 15
Pairs = npt.NDArray[np.int64]  # (n, 2): the later, the earlier


class SketchStore:
    """Takes sketches in the order of the texts, then tells which texts are alike. `close` removes its files."""

    def __init__(self, folder: Path, name: str) -> None:
        self._signatures = folder / f"{name}.signatures"
        self._bands = [folder / f"{name}.band{number}" for number in range(BANDS)]
        self._files = [path.open("wb") for path in (self._signatures, *self._bands)]
        self._empty: list[npt.NDArray[np.bool_]] = []
        self.rows = 0

    def add(self, sketch: Sketch) -> None:
        self._files[0].write(sketch.signature.tobytes())
        for number, file in enumerate(self._files[1:]):
            file.write(sketch.bands[:, number].tobytes())
        self._empty.append(sketch.empty)
        self.rows += len(sketch.empty)

    def close(self) -> None:
        for file in self._files:
            file.close()
        for path in (self._signatures, *self._bands):
            path.unlink(missing_ok=True)

    def of(self, texts: Positions) -> Sketch:
        """The sketches of some texts, by their places."""
        for file in self._files:
            file.flush()
        if not self.rows:
            return Sketch(np.empty((0, NUMBERS), np.uint16), np.empty((0, BANDS), np.uint64), np.empty(0, np.bool_))
        signatures = np.memmap(self._signatures, np.uint16, "r", shape=(self.rows, NUMBERS))
        bands = [np.memmap(path, np.uint64, "r")[texts] for path in self._bands]
        return Sketch(signatures[texts], np.stack(bands, axis=1), np.concatenate(self._empty)[texts])

    def alike(self, left_out: Positions) -> Pairs:
        """Pairs of texts that are alike, each once, ordered by the later text. `left_out` takes no part."""
        for file in self._files:
            file.flush()
        if not self.rows:
            return np.empty((0, 2), np.int64)
        takes_part = ~np.concatenate(self._empty)
        takes_part[left_out] = False
        texts = np.flatnonzero(takes_part)
        signatures = np.memmap(self._signatures, np.uint16, "r", shape=(self.rows, NUMBERS))
        similar = [
            pairs[_similar(signatures, pairs)]
            for path in self._bands
            for pairs in _meeting(np.fromfile(path, np.uint64)[texts], texts)
        ]
        return np.unique(np.concatenate(similar), axis=0) if similar else np.empty((0, 2), np.int64)


def _meeting(keys: Hashes, texts: Positions) -> Iterator[Pairs]:
    """Pairs of texts with an equal key: each with the first of its group, and with the one before it."""
    order = np.argsort(keys, kind="stable")
    sorted_keys, ordered = keys[order], texts[order]
    begins = np.concatenate(([True], sorted_keys[1:] != sorted_keys[:-1])) if len(keys) else np.empty(0, np.bool_)
    group = np.cumsum(begins) - 1
    first = ordered[np.flatnonzero(begins)[group]]
    later = np.flatnonzero(~begins)
    to_first = np.stack([ordered[later], first[later]], axis=1)
    to_previous = np.stack([ordered[later], ordered[later - 1]], axis=1)
    both = np.concatenate([to_first, to_previous[to_previous[:, 1] != to_first[:, 1]]])
    for start in range(0, len(both), COMPARED_AT_ONCE):
        yield both[start : start + COMPARED_AT_ONCE]


def _similar(signatures: npt.NDArray[np.uint16], pairs: Pairs) -> npt.NDArray[np.bool_]:
    equal = signatures[pairs[:, 0]] == signatures[pairs[:, 1]]
    return np.asarray(equal.mean(axis=1) >= ALIKE)
