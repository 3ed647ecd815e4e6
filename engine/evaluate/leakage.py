"""Leakage: rows held out for the proof that were also learnt, word for word or nearly."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.rows.health import sketches
from engine.rows.health.fingerprints import Hashes, fingerprints
from engine.rows.health.sketches import ALIKE, BANDS, NUMBERS, Sketch

LONGEST = 100_000  # characters of a text that are looked at
TEXTS_AT_ONCE, CHARACTERS_AT_ONCE = 1024, 1_000_000
MOST_PAIRS = 1 << 15  # compared in one go; a learnt text meets at most so many held ones in a band: hostile data

Signatures = npt.NDArray[np.uint16]
Number = TypeVar("Number", np.uint16, np.uint64, np.bool_)


@dataclass(frozen=True)
class Leakage:
    """Positions of held-out texts that were learnt: `exact` ones (case, blanks and punctuation aside), and `near` ones,
    of which at least four fifths of the word runs are the same. No position is in both."""

    exact: list[int]
    near: list[int]
    checked: int


def leaks(learnt_texts: Iterable[str], held_texts: Sequence[str]) -> Leakage:
    """Which of the held-out texts were learnt. `learnt_texts` may be a stream of any length: what is kept in memory is
    a sketch of each held-out text (0.4 kB) and one batch of learnt ones."""
    held = _Held(held_texts)
    for batch in _batches(learnt_texts):
        held.see(batch)
    exact, near = np.flatnonzero(held.exact), np.flatnonzero(held.near & ~held.exact)
    return Leakage(exact.tolist(), near.tolist(), len(held_texts))


class _Held:
    """The held-out texts, and which of them were seen among the learnt."""

    def __init__(self, texts: Sequence[str]) -> None:
        parts = [_looked_at(batch) for batch in _batches(texts)]
        self.hashes = _joined([hashes for hashes, _ in parts], (0,), np.uint64)
        self.signatures = _joined([sketch.signature for _, sketch in parts], (0, NUMBERS), np.uint16)
        bands = _joined([sketch.bands for _, sketch in parts], (0, BANDS), np.uint64)
        self.empty = _joined([sketch.empty for _, sketch in parts], (0,), np.bool_)
        self.orders = [np.argsort(bands[:, number], kind="stable") for number in range(BANDS)]
        self.keys = [bands[order, number] for number, order in enumerate(self.orders)]
        self.exact = np.zeros(len(self.hashes), np.bool_)
        self.near = np.zeros(len(self.hashes), np.bool_)

    def see(self, texts: list[str]) -> None:
        hashes, sketch = _looked_at(texts)
        self.exact |= np.isin(self.hashes, hashes) & ~self.empty
        # The same learnt text many times is looked at once.
        firsts = np.unique(hashes, return_index=True)[1]
        firsts = firsts[~sketch.empty[firsts]]
        for number in range(BANDS):
            self._compare(sketch.bands[firsts, number], sketch.signature[firsts], number)

    def _compare(self, keys: Hashes, signatures: Signatures, number: int) -> None:
        """The learnt texts that share a band with held ones, against those."""
        starts = np.searchsorted(self.keys[number], keys, "left")
        counts = np.minimum(np.searchsorted(self.keys[number], keys, "right") - starts, MOST_PAIRS)
        for chosen in np.flatnonzero(counts):
            places = self.orders[number][starts[chosen] : starts[chosen] + counts[chosen]]
            places = places[~(self.near[places] | self.exact[places] | self.empty[places])]
            equal = (self.signatures[places] == signatures[chosen]).mean(axis=1)
            self.near[places[equal >= ALIKE]] = True


def _looked_at(texts: list[str]) -> tuple[Hashes, Sketch]:
    words = sketches.normal(pa.array(texts, pa.string()))
    return fingerprints(words), sketches.sketch(words)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch, characters = list[str](), 0
    for text in texts:
        batch.append(text[:LONGEST].encode("utf-8", "replace").decode())
        characters += len(batch[-1])
        if len(batch) == TEXTS_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _joined(parts: list[npt.NDArray[Number]], empty: tuple[int, ...], kind: type[Number]) -> npt.NDArray[Number]:
    return np.concatenate(parts) if parts else np.empty(empty, kind)
