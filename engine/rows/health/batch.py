"""A row group of a dataset as columns of text, whatever its kind: what is asked, what is learnt, all there is.

Made by Arrow's own functions, so that a million rows take seconds. A null means that the kind has no such thing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.rows.health import fingerprints, sketches
from engine.rows.health.fingerprints import Hashes, Positions
from engine.rows.store import columnar
from engine.rows.verdict import Kind

Mask = npt.NDArray[np.bool_]
_BETWEEN_TURNS, _BETWEEN_FIELDS = "\x1e", "\x1f"


@dataclass
class Batch:
    """Columns of equal length; row `n` of them stands at position `first + n` of the dataset."""

    first: int
    identity: pa.Array  # everything that makes a row what it is: roles, texts, calls, labels
    question: pa.Array  # what the user says
    answer: pa.Array  # what is learnt; null where nothing is written to be learnt
    text: pa.Array  # all texts of the row, in their order
    body: pa.Array  # the same without system turns, which are often the same in every row
    turns: Positions  # how many turns a row has; 1 where the kind has no turns
    roles: dict[str, int]
    opening: pa.Array  # the first thing the user says; null where the kind has no such thing

    def __len__(self) -> int:
        return len(self.text)

    @cached_property
    def fingerprint(self) -> Hashes:
        return fingerprints.fingerprints(self.identity)

    @cached_property
    def words(self) -> pa.Array:
        """The body's words, in small letters with one space between: what two rows must share to be alike."""
        return sketches.normal(self.body)

    @cached_property
    def sketch(self) -> sketches.Sketch:
        return sketches.sketch(self.words)


def batches(path: Path, kind: str) -> Iterator[Batch]:
    """A dataset's row groups in their order. Never holds more than one."""
    schema = pa.schema([field for field in columnar.SCHEMAS[_kind(kind)] if field.name not in ("extra", "row")])
    with pq.ParquetFile(path) as file:
        columns = [name for name in file.schema_arrow.names if name in schema.names]
        first = 0
        for group in range(file.metadata.num_row_groups):
            for part in file.read_row_group(group, columns).combine_chunks().to_batches():
                yield _READERS[_kind(kind)](_aligned(part, schema), first)
                first += part.num_rows


def _kind(kind: str) -> Kind:
    return kind  # type: ignore[return-value]  # the kind of a stored dataset is one of them


def _aligned(part: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch of a file from before a column was added: it gets one of nulls."""
    if part.schema.equals(schema):
        return part
    arrays = [
        part[field.name].cast(field.type) if field.name in part.schema.names else pa.nulls(part.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class _Turns:
    """A column of turns, laid flat."""

    def __init__(self, column: pa.Array) -> None:
        self.rows = len(column)
        self.counts = np.asarray(pc.fill_null(pc.list_value_length(column), 0), dtype=np.int64)
        self.parents = np.repeat(np.arange(self.rows), self.counts)
        flat = column.flatten()
        self.role = pc.fill_null(pc.struct_field(flat, "role"), "")
        self.content = pc.fill_null(pc.struct_field(flat, "content"), "")
        self.calls = pc.fill_null(pc.struct_field(flat, "tool_calls"), "")
        self.learnt = _mask(
            pc.and_(pc.equal(self.role, "assistant"), pc.fill_null(pc.struct_field(flat, "train"), True))
        )

    def of(self, kept: Mask | None = None) -> pa.Array:
        """The texts of the turns that are kept, joined by row."""
        return self._join(self.content, kept)

    def user(self) -> pa.Array:
        return self.of(_mask(pc.equal(self.role, "user")))

    def opening(self) -> pa.Array:
        """The first text of the user; empty where there is none."""
        asked = np.flatnonzero(_mask(pc.equal(self.role, "user")))
        parents = self.parents[asked]
        first = asked[np.concatenate(([True], parents[1:] != parents[:-1]))] if len(asked) else asked
        place = np.full(self.rows, -1)
        place[self.parents[first]] = first
        texts = self.content.take(pa.array(place, mask=place < 0))
        return pc.fill_null(texts, "")

    def without_system(self) -> pa.Array:
        return self.of(_mask(pc.not_equal(self.role, "system")))

    def answer(self) -> pa.Array:
        """What is learnt; null for rows where nothing is, or where tool calls are and no text beside them."""
        answers = self.of(self.learnt)
        calling = self._rows_with(self.learnt & _mask(pc.not_equal(self.calls, "")))
        silent = ~self._rows_with(self.learnt) | (calling & _mask(pc.equal(pc.utf8_trim_whitespace(answers), "")))
        return pc.if_else(pa.array(silent), pa.scalar(None, pa.string()), answers)

    def identity(self) -> pa.Array:
        learnt = pc.cast(pa.array(self.learnt.astype(np.int8)), pa.string())
        turn_identities = pc.binary_join_element_wise(self.role, self.content, self.calls, learnt, _BETWEEN_FIELDS)
        return self._join(turn_identities, None, _BETWEEN_TURNS)

    def roles(self) -> dict[str, int]:
        return {entry["values"]: entry["counts"] for entry in pc.value_counts(self.role).to_pylist()}

    def _rows_with(self, turns: Mask) -> Mask:
        return np.bincount(self.parents[turns], minlength=self.rows) > 0

    def _join(self, texts: pa.Array, kept: Mask | None, between: str = "\n") -> pa.Array:
        counts = self.counts
        if kept is not None:
            texts = texts.filter(pa.array(kept))
            counts = np.bincount(self.parents[kept], minlength=self.rows)
        offsets = pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int32())
        return pc.binary_join(pa.ListArray.from_arrays(offsets, texts), between)


def _mask(values: pa.Array) -> Mask:
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _joined(*texts: pa.Array, between: str = "\n") -> pa.Array:
    return pc.binary_join_element_wise(*texts, between)


def _nulls(rows: int) -> pa.Array:
    return pa.nulls(rows, pa.string())


def _ones(rows: int) -> Positions:
    return np.ones(rows, dtype=np.int64)


def _chat(part: pa.RecordBatch, first: int) -> Batch:
    turns = _Turns(part["messages"])
    identity = _joined(turns.identity(), pc.fill_null(part["tools"], ""), between=_BETWEEN_FIELDS)
    body = turns.without_system()
    return Batch(
        first, identity, turns.user(), turns.answer(), turns.of(), body, turns.counts, turns.roles(), turns.opening()
    )


def _completion(part: pa.RecordBatch, first: int) -> Batch:
    question, answer = pc.fill_null(part["prompt"], ""), pc.fill_null(part["completion"], "")
    both = _joined(question, answer)
    identity = _joined(question, answer, between=_BETWEEN_FIELDS)
    return Batch(first, identity, question, answer, both, both, _ones(len(both)), {}, question)


def _text(part: pa.RecordBatch, first: int) -> Batch:
    text = pc.fill_null(part["text"], "")
    nothing = _nulls(len(text))
    return Batch(first, text, nothing, nothing, text, text, _ones(len(text)), {}, nothing)


def _preference(part: pa.RecordBatch, first: int) -> Batch:
    prompt, chosen, rejected = (_Turns(part[name]) for name in ("prompt", "chosen", "rejected"))
    identity = _joined(prompt.identity(), chosen.identity(), rejected.identity(), between=_BETWEEN_FIELDS)
    text = _joined(prompt.of(), chosen.of(), rejected.of())
    body = _joined(prompt.without_system(), chosen.of(), rejected.of())
    roles = _added(prompt.roles(), chosen.roles())
    turns = prompt.counts + chosen.counts
    return Batch(first, identity, prompt.user(), chosen.answer(), text, body, turns, roles, prompt.opening())


def _unpaired(part: pa.RecordBatch, first: int) -> Batch:
    prompt, completion = _Turns(part["prompt"]), _Turns(part["completion"])
    label = pc.fill_null(part["label"], False)
    identity = _joined(prompt.identity(), completion.identity(), pc.cast(label, pa.string()), between=_BETWEEN_FIELDS)
    answer = pc.if_else(label, completion.answer(), pa.scalar(None, pa.string()))  # bad ones are not to be learnt
    text, body = _joined(prompt.of(), completion.of()), _joined(prompt.without_system(), completion.of())
    roles = _added(prompt.roles(), completion.roles())
    turns = prompt.counts + completion.counts
    return Batch(first, identity, prompt.user(), answer, text, body, turns, roles, prompt.opening())


def _prompt(part: pa.RecordBatch, first: int) -> Batch:
    turns = _Turns(part["prompt"])
    identity, body, no_answer = turns.identity(), turns.without_system(), _nulls(turns.rows)
    return Batch(
        first, identity, turns.user(), no_answer, turns.of(), body, turns.counts, turns.roles(), turns.opening()
    )


def _stepwise(part: pa.RecordBatch, first: int) -> Batch:
    question, steps = pc.fill_null(part["prompt"], ""), pc.fill_null(part["completions"], [])
    answer, counts = pc.binary_join(steps, "\n"), np.asarray(pc.list_value_length(steps), dtype=np.int64)
    labels = pa.array([str(row_labels) for row_labels in part["labels"].to_pylist()])
    both = _joined(question, answer)
    identity = _joined(question, pc.binary_join(steps, _BETWEEN_TURNS), labels, between=_BETWEEN_FIELDS)
    return Batch(first, identity, question, answer, both, both, counts + 1, {}, question)


def _added(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return {role: first.get(role, 0) + second.get(role, 0) for role in {**first, **second}}


_READERS: dict[Kind, Callable[[pa.RecordBatch, int], Batch]] = {
    "chat": _chat,
    "completion": _completion,
    "text": _text,
    "preference": _preference,
    "unpaired": _unpaired,
    "prompt": _prompt,
    "stepwise": _stepwise,
}
