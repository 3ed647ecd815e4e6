"""The texts of rows as one Arrow column, whatever the kind: all of it, or only what is asked, answered or set up."""

import unicodedata
from functools import reduce
from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

Where = Literal["anywhere", "question", "answer", "system", "every column"]

_ROLES = {"question": ("user", "tool"), "answer": ("assistant",), "system": ("system",)}
_ANSWERS = ("completion", "completions", "chosen", "rejected", "text")
_KEY = r'"(?:[^"\\]|\\.)*":'  # of JSON text
_BESIDE = ("extra", "row", "tools", "label", "labels")


def texts(batch: pa.RecordBatch, where: Where = "anywhere") -> pa.Array:
    """One text a row; the texts of a row are joined by line breaks. Plain text counts as an answer: it is learnt.

    `every column` adds what is beside the text: tools, labels and the values of further columns, without their names.
    """
    names = [name for name in batch.schema.names if name not in _BESIDE]
    if where == "every column":
        columns = [_column_texts(batch.column(name), name, "anywhere") for name in names]
        columns += [_beside(batch.column(name)) for name in _BESIDE if name in batch.schema.names and name != "row"]
        return pc.binary_join_element_wise(*columns, "\n")
    return pc.binary_join_element_wise(*(_column_texts(batch.column(name), name, where) for name in names), "\n")


def _column_texts(column: pa.Array, name: str, where: Where) -> pa.Array:
    if pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type):
        return _turns(column, _ROLES.get(where))
    if where not in ("anywhere", "answer" if name in _ANSWERS else "question"):
        return pa.array([""] * len(column), pa.string())
    if pa.types.is_list(column.type):
        return pc.fill_null(pc.binary_join(column, "\n"), "")
    return pc.fill_null(column, "")


def _beside(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        ends, words = column.offsets, pc.fill_null(pc.cast(column.values, pa.string()), "")
        column = pc.binary_join(pa.ListArray.from_arrays(ends, words), "\n")
    return pc.replace_substring_regex(pc.fill_null(pc.cast(column, pa.string()), ""), _KEY, "")


def _turns(column: pa.Array, roles: tuple[str, ...] | None) -> pa.Array:
    """Content and calls of the turns that have one of these roles; of all turns without them."""
    turns = column.flatten()
    content = pc.fill_null(pc.struct_field(turns, "content"), "")
    calls = pc.fill_null(pc.struct_field(turns, "tool_calls"), "")
    turn_texts = pc.binary_join_element_wise(content, calls, "\n")
    turn_texts = pc.if_else(pc.equal(calls, ""), content, turn_texts)
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    if roles is not None:
        kept = pc.is_in(pc.struct_field(turns, "role"), pa.array(roles)).to_numpy(zero_copy_only=False)
        counts = np.bincount(np.repeat(np.arange(len(column)), counts)[kept], minlength=len(column))
        turn_texts = turn_texts.filter(pa.array(kept))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    return pc.binary_join(pa.ListArray.from_arrays(offsets, turn_texts), "\n")


def cells(batch: pa.RecordBatch, column: str) -> list[str | None]:
    """The values of a column as words: one of the kind's own that holds single values, else one of `extra`."""
    index = batch.schema.get_field_index(column)
    if index >= 0 and not pa.types.is_nested(batch.schema.field(index).type):
        return [word(value) for value in batch.column(index).to_pylist()]
    extras = batch.column("extra").to_pylist()
    return [word(orjson.loads(extra).get(column)) if extra else None for extra in extras]


def word(value: Any) -> str | None:
    """A value as a person writes it: true, 3, word; None for nothing. Lists and objects as JSON."""
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def having(texts: pa.Array, text: str, ignore_case: bool) -> pa.Array:
    """Which of the texts contain it, its letters each written as one sign (NFC) or in pieces (NFD), as on a Mac."""
    forms = {unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text), text}
    met = [pc.match_substring(texts, form, ignore_case=ignore_case) for form in sorted(forms)]
    return reduce(pc.or_, met)
