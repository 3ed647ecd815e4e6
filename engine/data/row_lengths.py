"""How many rows of a dataset have which length, counted once for a model by a worker or guessed from some of the rows.

`RowLengths` says how many rows every max_length keeps, cuts or leaves out. Pure but for reading its files; who asks for
them is engine.data.row_counts.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from engine.rows.store import columnar

LENGTHS, ANSWERS = "lengths.json", "answers.arrow"  # as engine.workers.tokens.row_lengths leaves them
SAMPLE_PAGES, PAGE_ROWS = 4, 50
BYTES_A_TOKEN = 4  # of text in UTF-8, in most languages and tokenizers; a guess
TURN_TOKENS = 6  # what a chat template puts around a turn; a guess


class Cumulated:
    """How many rows have a number of at most so much."""

    def __init__(self, counts: Iterable[tuple[int, int]]) -> None:
        pairs = list(counts)
        self.numbers = [number for number, _ in pairs]
        self._totals = list(accumulate((rows for _, rows in pairs), initial=0))
        self._sums = list(accumulate((number * rows for number, rows in pairs), initial=0))

    def at_most(self, number: int) -> int:
        return self._totals[bisect_right(self.numbers, number)]

    @property
    def total(self) -> int:
        return self._totals[-1]

    def mean(self, most: int) -> float:
        """The mean of all numbers, those above `most` taken as `most`; 0 where there are none."""
        below = bisect_right(self.numbers, most)
        return (self._sums[below] + most * (self.total - self._totals[below])) / max(1, self.total)


@dataclass(frozen=True)
class RowLengths:
    """Rows by length, in tokens. See engine.workers.tokens.row_lengths for what each of them counts."""

    rows: int
    longest: int
    needed: Cumulated
    ended: Cumulated
    whole: Cumulated
    sides: Cumulated
    refused: Cumulated
    refusal: str = ""
    answers: Path | None = None

    def kept(self, max_length: int) -> int:
        """Rows that hold something to learn within that length, cut or not."""
        return self.needed.at_most(max_length) - self.ended.at_most(max_length)

    def without_room(self, max_length: int, answer_tokens: int) -> int:
        """Kept rows with no prompt before the last answer, or one that leaves no room for an answer of so many tokens.

        Of such a prompt and answer in max_length; as engine.workers.train.family_distil leaves them out.
        """
        return self.kept(max_length) - fitting_prompts(str(self.answers), max_length, answer_tokens)

    def longest_prompt(self) -> int:
        return longest_prompt(str(self.answers))


def is_there(folder: str) -> bool:
    """Whether a worker's counts are still there: the work may have been forgotten."""
    return (Path(folder) / LENGTHS).is_file()


@lru_cache(maxsize=32)
def counted(folder: str) -> RowLengths:
    """What a worker left there; it never changes. Raises OSError, ValueError when it is not there or damaged."""
    values = orjson.loads((Path(folder) / LENGTHS).read_bytes())
    counters = {name: Cumulated(values[name]) for name in ("needed", "ended", "whole", "sides", "refused")}
    return RowLengths(
        values["rows"], values["longest"], refusal=values["refusal"], answers=Path(folder) / ANSWERS, **counters
    )


@lru_cache(maxsize=4)
def _answers(file: str) -> pa.Table:
    with pa.memory_map(file) as source:
        return pa.ipc.open_file(source).read_all()


@lru_cache(maxsize=32)
def fitting_prompts(file: str, max_length: int, answer_tokens: int) -> int:
    """Rows whose last answer within max_length has a prompt, and leaves room for so many tokens behind it."""
    table = _answers(file)
    begins, until = table["begins"], table["until"]
    last = min(max_length - answer_tokens, max_length - 1)
    fits = pc.and_(pc.and_(pc.greater(begins, 0), pc.less_equal(begins, last)), pc.greater_equal(until, max_length))
    return int(pc.sum(table["rows"].filter(fits)).as_py() or 0)


@lru_cache(maxsize=32)
def longest_prompt(file: str) -> int:
    """Tokens before the last answer, the most of any row that is read whole."""
    table = _answers(file)
    begins = table["begins"].filter(pc.equal(table["until"], pc.max(table["until"])))
    return int(pc.max(begins).as_py() or 0)


@lru_cache(maxsize=32)
def guessed(blob: str, kind: str, rows: int) -> RowLengths | None:
    """A guess from the texts of some rows, without a tokenizer; None where there are none."""
    page_size = min(PAGE_ROWS, rows)
    starts = sorted({(rows - page_size) * number // (SAMPLE_PAGES - 1) for number in range(SAMPLE_PAGES)})
    try:
        sample = [row for start in starts for row in columnar.page(Path(blob), start, page_size)]
    except OSError:
        return None
    if not sample:
        return None
    pairs = [_guess(row, kind) for row in sample]
    share = rows / len(sample)
    needed, whole = (_scaled((pair[side] for pair in pairs), share, rows) for side in (0, 1))
    nothing = Cumulated([])
    return RowLengths(rows, max(length for _, length in pairs), needed, nothing, whole, whole, nothing)


def _scaled(lengths: Iterable[int], share: float, rows: int) -> Cumulated:
    """As many rows as the dataset has, spread as in the sample."""
    counts = sorted(Counter(lengths).items())
    totals = [round(total * share) for total in accumulate(count for _, count in counts)]
    totals[-1] = rows
    return Cumulated(
        (length, total - before) for (length, _), before, total in zip(counts, [0, *totals[:-1]], totals, strict=True)
    )


def _guess(row: Mapping[str, Any], kind: str) -> tuple[int, int]:
    """(tokens up to the first token that is learnt, tokens in all)."""
    match kind:
        case "chat":
            turns = row["messages"]
            before = next((at for at, turn in enumerate(turns) if turn["role"] == "assistant"), 0)
            return _turns(turns[:before]) + 1, _turns(turns)
        case "preference":
            prompt = _turns(row["prompt"])
            return prompt + 1, prompt + max(_turns(row["chosen"]), _turns(row["rejected"]))
        case "unpaired":
            prompt = _turns(row["prompt"])
            return prompt + 1, prompt + _turns(row["completion"])
        case "prompt":
            prompt = row["prompt"]
            return 0, _text(prompt) + TURN_TOKENS if isinstance(prompt, str) else _turns(prompt)
        case "completion":
            prompt = _text(row["prompt"]) + TURN_TOKENS
            return prompt + 1, prompt + _text(row["completion"]) + TURN_TOKENS
    return 1, _text(str(row.get("text") or ""))


def _turns(turns: Iterable[Mapping[str, Any]]) -> int:
    return sum(_text(turn.get("content") or "") + TURN_TOKENS for turn in turns)


def _text(text: str) -> int:
    return len(text.encode()) // BYTES_A_TOKEN
