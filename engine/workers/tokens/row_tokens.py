"""Rows as tokens and labels, and what became of each: the one counting that training and the totals share."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from jinja2 import TemplateError
from pyarrow import parquet

from engine.process import events
from engine.rows.store import columnar
from engine.workers import contract, limits
from engine.workers.tokens.row_texts import Row, Side, Source, Texts

NOT_LEARNT = -100
ROWS_AT_ONCE = 256
SECONDS_BETWEEN_REPORTS = 0.5
WITHOUT_LABELS = ("prompt",)  # kinds that are learnt from by what the model answers


@dataclass
class Counts:
    """What became of the dataset's rows."""

    rows: int = 0
    kept: int = 0
    truncated: int = 0
    untrainable: int = 0
    refused: int = 0
    refusal: str = ""  # the template's words about the first row it refused

    @property
    def dropped(self) -> int:
        return self.untrainable + self.refused


@dataclass(frozen=True)
class Tokens:
    """One side of a row: its first tokens, with their labels and places in the text."""

    side: Side
    length: int  # tokens in all
    ids: numpy.ndarray
    labels: numpy.ndarray  # NOT_LEARNT where nothing is
    encoding: Any  # tokenizers.Encoding, cut to the same tokens

    @property
    def trained(self) -> int:
        """The labels that count: the first token has nothing before it to be predicted from."""
        return int((self.labels[1:] != NOT_LEARNT).sum())

    def cut(self, tokens: int) -> "Tokens":
        return Tokens(self.side, self.length, self.ids[:tokens], self.labels[:tokens], self.encoding)


@dataclass(frozen=True)
class Tokenised:
    """A row and its sides, or why the chat template refuses it."""

    row: Row
    sides: list[Tokens]
    refusal: str = ""

    def learns(self, source: Source) -> bool:
        """Whether every side holds something to learn within the length, where there is something at all."""
        if source.kind in WITHOUT_LABELS:
            return bool(self.sides)
        learnt = bool(self.sides) and all(side.cut(source.max_length).trained for side in self.sides)
        return learnt and not self.has_equal_sides(source)

    def has_equal_sides(self, source: Source) -> bool:
        """Whether two answers cannot be told apart within the length: comparing them teaches nothing."""
        sides = [side.ids[: source.max_length] for side in self.sides]
        return len(sides) > 1 and numpy.array_equal(sides[0], sides[1])

    def is_cut(self, source: Source) -> bool:
        return any(side.length > source.max_length for side in self.sides)


def read(source: Source) -> Iterator[tuple[list[Row], int, int]]:
    """(rows, how many were read before, how many there are), in small batches of one row group each."""
    done = 0
    with parquet.ParquetFile(source.path) as file:
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, row_groups=[group]):
                yield [columnar.plain(row) for row in batch.to_pylist()], done, file.metadata.num_rows
                done += batch.num_rows


def batches(source: Source, out: Path, stage: str) -> Iterator[list[Row]]:
    """The same rows for a worker, which tells now and then how far it is. Raises Stopped when it was asked to stop."""
    reported = 0.0
    for rows, before, total in read(source):
        if contract.stop_requested(out):
            raise contract.Stopped
        if time.monotonic() - reported > SECONDS_BETWEEN_REPORTS:
            events.append(out, events.Progress(done=before, total=total, stage=stage))
            reported = time.monotonic()
        yield rows


def tokenised(texts: Texts, rows: Sequence[Row], max_tokens: int) -> list[Tokenised]:
    """The rows in order, each side with at most so many tokens. Raises TemplateOverrunError."""
    sides_by_row = [_sides(texts, row) for row in rows]
    all_sides = [side for sides in sides_by_row if not isinstance(sides, str) for side in sides]
    # A chat template writes itself what the model wants around a text.
    encodings = iter(
        texts.vocabulary.encode([side.spans.text for side in all_sides], add_special_tokens=not texts.is_chat)
    )
    return [
        Tokenised(row, [], sides)
        if isinstance(sides, str)
        else Tokenised(row, [_tokens(side, next(encodings), max_tokens) for side in sides])
        for row, sides in zip(rows, sides_by_row, strict=True)
    ]


def _sides(texts: Texts, row: Row) -> list[Side] | str:
    """The row's texts, or the words in which the template refuses it."""
    try:
        with limits.cpu_time(*limits.of_row(_turn_count(row))):
            return texts.sides(row)
    except TemplateError as error:
        return str(error)[:300] or "The chat template gives no reason."
    except MemoryError as error:
        raise limits.TemplateOverrunError("The model's chat template needs more memory than it may have.") from error


def _turn_count(row: Row) -> int:
    return sum(len(value) for value in row.values() if isinstance(value, list))


def _tokens(side: Side, encoding: Any, max_tokens: int) -> Tokens:
    length = len(encoding)
    encoding.truncate(max_tokens)
    ids = numpy.asarray(encoding.ids, dtype=numpy.int32)
    return Tokens(side, length, ids, _labels(ids, encoding.offsets, side.spans.parts), encoding)


def _labels(ids: numpy.ndarray, offsets: list[tuple[int, int]], parts: list[tuple[int, int]]) -> numpy.ndarray:
    """The ids of tokens with a character in one of `parts`, NOT_LEARNT for all others.

    A token across the border of prompt and answer is learnt, as in TRL: its end is the answer's.
    """
    start, end = numpy.asarray(offsets, dtype=numpy.int64).reshape(-1, 2).T
    learnt = numpy.zeros(len(ids), dtype=bool)
    for first, last in parts:
        learnt |= (end > first) & (start < last) & (end > start)
    return numpy.where(learnt, ids, numpy.int32(NOT_LEARNT)).astype(numpy.int32)


def prompt_tokens(labels: Sequence[int]) -> int:
    """Tokens before the last answer of a row."""
    end = next(index for index in range(len(labels) - 1, -1, -1) if labels[index] != NOT_LEARNT)
    while end and labels[end - 1] != NOT_LEARNT:
        end -= 1
    return end


def count(row: Tokenised, source: Source, counts: Counts) -> bool:
    """Adds a row to the counts; says whether it is learnt from."""
    counts.rows += 1
    if row.refusal:
        counts.refused += 1
        counts.refusal = counts.refusal or row.refusal
        return False
    if not row.learns(source):
        counts.untrainable += 1
        return False
    counts.kept += 1
    counts.truncated += row.is_cut(source)
    return True
