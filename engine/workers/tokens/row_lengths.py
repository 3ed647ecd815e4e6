"""From which length on each row is learnt from, and from which on it is whole. The inside of `tokens.lengths`.

The rows are tokenised once, with the code that training uses; what every length makes of them follows from a few
numbers a row (engine.data.row_counts). Kept are only how many rows have which number.
"""

import copy
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy
import orjson
import pyarrow

from engine.workers import limits
from engine.workers.tokens import page, row_tokens
from engine.workers.tokens.row_texts import Row, Source, Texts, prompt_row
from engine.workers.tokens.row_tokens import NOT_LEARNT, WITHOUT_LABELS, Tokenised, Tokens

LENGTHS, ANSWERS = "lengths.json", "answers.arrow"
SHORTEST = 8  # tokens: no recipe has a smaller max_length
ANSWERED = ("chat", "completion")  # kinds of rows before whose last answer a model may have to answer itself
NEVER = 2**31 - 1  # as a length


def write(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Leaves OUT/lengths.json, and OUT/answers.arrow for chats; returns {"rows"}. Raises Stopped, WorkFailedError."""
    texts = page.load_texts(spec, out)
    sums = Sums(texts)
    with limits.memory():
        for rows in row_tokens.batches(texts.source, out, "counting rows"):
            if texts.source.kind == "prompt":
                rows = [prompt_row(row) for row in rows]
            for row in row_tokens.tokenised(texts, rows, texts.source.max_length):
                sums.add(row)
    sums.save(out)
    return {"rows": sums.rows}


@dataclass
class Sums:
    """How many rows have which length. All in tokens."""

    texts: Texts
    rows: int = 0
    needed: Counter[int] = field(default_factory=Counter)  # the least max_length with which a row is learnt from
    ended: Counter[int] = field(default_factory=Counter)  # from which on such a row is refused
    whole: Counter[int] = field(default_factory=Counter)  # the longer side of rows that can be learnt from
    sides: Counter[int] = field(default_factory=Counter)  # every side of these
    refused: Counter[int] = field(default_factory=Counter)  # from which on a row is refused
    longest: int = 0  # of the rows that can be learnt from
    refusal: str = ""
    answers: "Answers" = field(default_factory=lambda: Answers())

    def add(self, row: Tokenised) -> None:
        self.rows += 1
        last = NEVER
        if row.refusal:
            self.refusal = self.refusal or row.refusal
            refused_from = _refused_from(self.texts, row.row)
            self.refused[refused_from] += 1
            if refused_from <= SHORTEST:
                return
            last = refused_from - 1
            (row,) = row_tokens.tokenised(_shorter(self.texts, last), [row.row], last)
        needed = least_length(row, self.texts.source)
        if needed is None or needed > last:
            return
        self.needed[needed] += 1
        if last < NEVER:
            self.ended[last + 1] += 1
        else:
            self._add_whole(row)
        if self.texts.source.kind in ANSWERED and self.texts.source.answers_only:
            self.answers.add(row.sides[0], last)

    def _add_whole(self, row: Tokenised) -> None:
        length = max(side.length for side in row.sides)
        self.longest = max(self.longest, length)
        beyond = self.texts.source.max_length + 1  # what the model cannot read is never whole
        self.whole[min(length, beyond)] += 1
        for side in row.sides:
            self.sides[min(side.length, beyond)] += 1

    def save(self, out: Path) -> None:
        counted = {name: sorted(getattr(self, name).items()) for name in COUNTERS}
        values = {"rows": self.rows, "longest": self.longest, "refusal": self.refusal, **counted}
        (out / LENGTHS).write_bytes(orjson.dumps(values))
        self.answers.save(out / ANSWERS)


COUNTERS = ("needed", "ended", "whole", "sides", "refused")


@dataclass
class Answers:
    """Where answers begin. With a length above `begins` and up to `until`, the answer is the row's last one."""

    begins: "array[int]" = field(default_factory=lambda: array("i"))
    until: "array[int]" = field(default_factory=lambda: array("i"))

    def add(self, side: Tokens, last: int) -> None:
        learnt = numpy.concatenate(([False], side.labels != NOT_LEARNT))
        begins = numpy.flatnonzero(learnt[1:] & ~learnt[:-1])
        self.begins.extend(begins.tolist())
        self.until.extend([*(min(int(begin), last) for begin in begins[1:]), last][: len(begins)])

    def save(self, file: Path) -> None:
        """The same pairs once, with how many rows have them."""
        pairs = numpy.array([self.begins, self.until], dtype=numpy.int32)
        distinct, rows = numpy.unique(pairs, axis=1, return_counts=True)
        columns = {"begins": distinct[0], "until": distinct[1], "rows": rows}
        table = pyarrow.table({name: pyarrow.array(column, pyarrow.int32()) for name, column in columns.items()})
        with pyarrow.OSFile(str(file), "wb") as sink, pyarrow.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)


def least_length(row: Tokenised, source: Source) -> int | None:
    """The least max_length with which the row is learnt from (`Tokenised.learns`); None where no length helps."""
    if source.kind in WITHOUT_LABELS:
        return 0 if row.sides else None
    lengths = list(_lengths(row))
    return max(lengths) if lengths and NEVER not in lengths else None


def _lengths(row: Tokenised) -> Iterator[int]:
    """What each side needs to be learnt from, and what two need to be told apart."""
    for side in row.sides:
        learnt = numpy.flatnonzero(side.labels[1:] != NOT_LEARNT)
        yield int(learnt[0]) + 2 if learnt.size else NEVER
    if len(row.sides) > 1:
        first, second = (side.ids for side in row.sides[:2])
        shorter = min(len(first), len(second))
        different = numpy.flatnonzero(first[:shorter] != second[:shorter])
        if different.size:
            yield int(different[0]) + 1
        else:
            yield shorter + 1 if len(first) != len(second) else NEVER


def _refused_from(texts: Texts, row: Row) -> int:
    """The least max_length with which the row is refused: an answer that cannot be found may stand behind the cut."""
    lengths = range(SHORTEST, texts.source.max_length + 1)
    return lengths[bisect_left(lengths, True, key=lambda length: _is_refused(_shorter(texts, length), row))]


def _is_refused(texts: Texts, row: Row) -> bool:
    return bool(row_tokens.tokenised(texts, [row], 1)[0].refusal)


def _shorter(texts: Texts, max_length: int) -> Texts:
    shorter = copy.copy(texts)
    shorter.source = replace(texts.source, max_length=max_length)
    return shorter
