"""What a dataset is in tokens: how much of it is learnt, what is cut or left out, how long rows are, how they pack.

The inside of `engine.workers.tokens.totals`. Memory does not grow with the dataset.
"""

import math
from bisect import bisect_left, insort
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.workers import limits
from engine.workers.tokens import page, row_tokens
from engine.workers.tokens.row_texts import Source
from engine.workers.tokens.row_tokens import Counts, Tokenised

PACKED_TOGETHER = 1000  # rows: the batch of datasets.map, in which TRL packs
PACKED = ("chat", "completion", "text")  # kinds of the methods that can pack
BATCH = 4  # rows that are padded to the longest of them, when packing is off
MOST_BINS = 24
EXACT_BELOW = 4096  # tokens; longer rows are counted to within 1/256 of their length
MOST_NUMBERS = 20


def counted(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """The totals of the dataset of a spec, for `Finished`. Raises Stopped, WorkFailedError."""
    texts = page.load_texts(spec, out)
    sums = Sums(texts.source)
    with limits.memory():
        for rows in row_tokens.batches(texts.source, out, "counting tokens"):
            for row in row_tokens.tokenised(texts, rows, texts.source.max_length):
                sums.add(row)
    return sums.result() | {"notes": texts.notes()}


@dataclass
class Packing:
    """Best fit decreasing, a batch of rows at a time, as TRL packs (arXiv 2404.10830)."""

    capacity: int  # tokens of a sequence
    sequences: int = 0
    waiting: list[int] = field(default_factory=list)

    def add(self, length: int) -> None:
        self.waiting.append(length)
        if len(self.waiting) == PACKED_TOGETHER:
            self.flush()

    def flush(self) -> None:
        spaces: list[int] = []
        for length in sorted(self.waiting, reverse=True):
            index = bisect_left(spaces, length)
            if index == len(spaces):
                self.sequences += 1
            space = (spaces.pop(index) if index < len(spaces) else self.capacity) - length
            if space:
                insort(spaces, space)
        self.waiting = []


@dataclass
class Sums:
    """Adds rows up."""

    source: Source
    counts: Counts = field(default_factory=Counts)
    tokens: int = 0  # of the rows that are learnt from, as far as they are not cut
    trained: int = 0
    lengths: Counter[int] = field(default_factory=Counter)  # whole rows, the longer side of each
    longest: int = 0
    padded: int = 0  # tokens with padding, in batches as they come
    untrainable: list[int] = field(default_factory=list)  # numbers of the first rows that train nothing
    refused: list[int] = field(default_factory=list)
    _batch: list[int] = field(default_factory=list)
    _packing: Packing | None = None

    def __post_init__(self) -> None:
        self._packing = Packing(self.source.max_length) if self.source.kind in PACKED else None

    def add(self, row: Tokenised) -> None:
        if row.sides:
            length = max(side.length for side in row.sides)
            self.lengths[_rounded(length)] += 1
            self.longest = max(self.longest, length)
        if row_tokens.count(row, self.source, self.counts):
            for side in row.sides:
                self._keep(len(side.ids), side.trained)
            return
        numbers = self.refused if row.refusal else self.untrainable
        if len(numbers) < MOST_NUMBERS:
            numbers.append(int(row.row.get("row") or 0))

    def _keep(self, tokens: int, trained: int) -> None:
        self.tokens += tokens
        self.trained += trained
        if self._packing:
            self._packing.add(tokens)
        self._batch.append(tokens)
        if len(self._batch) == BATCH:
            self._pad()

    def _pad(self) -> None:
        self.padded += max(self._batch, default=0) * len(self._batch)
        self._batch = []

    def result(self) -> dict[str, Any]:
        """The totals, as `engine.data.tokens` describes them."""
        self._pad()
        counts = asdict(self.counts) | {"dropped": self.counts.dropped}
        totals = {
            **counts,
            "kind": self.source.kind,
            "max_length": self.source.max_length,
            "answers_only": self.source.answers_only,
            "tokens": self.tokens,
            "trained": self.trained,
            "share_trained": _share(self.trained, self.tokens),
            "nothing_rows": self.untrainable,
            "refused_rows": self.refused,
            "lengths": {name: quantile(self.lengths, share) for name, share in QUANTILES.items()}
            | {"longest": self.longest},
            "histogram": histogram(self.lengths),
            "padding": 1 - _share(self.tokens, self.padded) if self.padded else 0.0,
        }
        return totals | {"packing": self._packed()}

    def _packed(self) -> dict[str, Any] | None:
        if self._packing is None or not self.tokens:
            return None
        self._packing.flush()
        sequences = self._packing.sequences
        return {"sequences": sequences, "padding": 1 - _share(self.tokens, sequences * self.source.max_length)}


QUANTILES = {"shortest": 0.0, "median": 0.5, "p90": 0.9, "p99": 0.99}


def _rounded(length: int) -> int:
    if length < EXACT_BELOW:
        return length
    shift = length.bit_length() - 9
    return length >> shift << shift


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def quantile(lengths: Counter[int], share: float) -> int:
    """The length that so great a share of the rows does not exceed; 0 without rows."""
    rank = max(1, math.ceil(share * lengths.total()))
    rows_seen = 0
    for length in sorted(lengths):
        rows_seen += lengths[length]
        if rows_seen >= rank:
            return length
    return 0


def histogram(lengths: Counter[int]) -> list[dict[str, int | None]]:
    """Rows by length: {"from", "to", "rows"}, both ends included, in equal steps to the 99th percentile.

    The last bin holds all that are longer; its end is None.
    """
    if not lengths:
        return []
    step = _round_step(quantile(lengths, 0.99) / MOST_BINS)
    last = quantile(lengths, 0.99) // step
    rows = Counter[int]()
    for length, count in lengths.items():
        rows[min(length // step, last + 1)] += count
    bins: list[dict[str, int | None]] = [
        {"from": index * step, "to": (index + 1) * step - 1, "rows": rows[index]} for index in range(last + 1)
    ]
    return bins + ([{"from": (last + 1) * step, "to": None, "rows": rows[last + 1]}] if rows[last + 1] else [])


def _round_step(step: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50 ... above."""
    power = 10 ** max(0, math.floor(math.log10(max(step, 1))))
    return next(int(power * factor) for factor in (1, 2, 5, 10) if power * factor >= step)
