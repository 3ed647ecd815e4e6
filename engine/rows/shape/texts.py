"""The texts of rows as one Arrow column, whatever the kind: all of it, or only what is asked, answered or set up."""

from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

Where = Literal["anywhere", "question", "answer", "system"]

_ROLES = {"question": ("user", "tool"), "answer": ("assistant",), "system": ("system",)}
_ANSWERS = ("completion", "completions", "chosen", "rejected", "text")
_BESIDE = ("extra", "row", "tools", "label", "labels")


def texts(batch: pa.RecordBatch, where: Where = "anywhere") -> pa.Array:
    """One text a row; the texts of a row are joined by line breaks. Plain text counts as an answer: it is learnt."""
    names = [name for name in batch.schema.names if name not in _BESIDE]
    return pc.binary_join_element_wise(*(_of(batch.column(name), name, where) for name in names), "\n")


def _of(column: pa.Array, name: str, where: Where) -> pa.Array:
    if pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type):
        return _turns(column, _ROLES.get(where))
    if where not in ("anywhere", "answer" if name in _ANSWERS else "question"):
        return pa.array([""] * len(column), pa.string())
    if pa.types.is_list(column.type):
        return pc.fill_null(pc.binary_join(column, "\n"), "")
    return pc.fill_null(column, "")


def _turns(column: pa.Array, roles: tuple[str, ...] | None) -> pa.Array:
    """Content and calls of the turns that have one of these roles; of all turns without them."""
    flat = column.flatten()
    content = pc.fill_null(pc.struct_field(flat, "content"), "")
    calls = pc.fill_null(pc.struct_field(flat, "tool_calls"), "")
    said = pc.binary_join_element_wise(content, calls, "\n")
    said = pc.if_else(pc.equal(calls, ""), content, said)
    counts = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    if roles is not None:
        kept = pc.is_in(pc.struct_field(flat, "role"), pa.array(roles)).to_numpy(zero_copy_only=False)
        counts = np.bincount(np.repeat(np.arange(len(column)), counts)[kept], minlength=len(column))
        said = said.filter(pa.array(kept))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    return pc.binary_join(pa.ListArray.from_arrays(offsets, said), "\n")


def cells(batch: pa.RecordBatch, column: str) -> list[str | None]:
    """The values of a column as words: one of the kind's own that holds single values, else one of `extra`."""
    own = batch.schema.get_field_index(column)
    if own >= 0 and not pa.types.is_nested(batch.schema.field(own).type):
        return [word(value) for value in batch.column(own).to_pylist()]
    beside = batch.column("extra").to_pylist()
    return [word(orjson.loads(one).get(column)) if one else None for one in beside]


def word(value: Any) -> str | None:
    """A value as a person writes it: true, 3, word; None for nothing. Lists and objects as JSON."""
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
