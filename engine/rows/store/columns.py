"""Rows to Arrow columns and back: column by column, since a library that looks at each value takes five times as long.

What has no fixed shape (tools, tool calls, the columns nothing is learnt from) is kept as JSON text.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from engine.rows.verdict import printable_value

JSON_COLUMNS = ("tools", "extra")
JSON_KEYS = ("tool_calls",)  # of a turn
KEYS_OF_EVERY_TURN = 2  # a turn has a role and a content; only turns with more keys are looked through for them


def batch(rows: Sequence[Mapping[str, Any]], numbers: Sequence[int], schema: pa.Schema) -> pa.RecordBatch:
    """Plain rows, with the number of each, as one batch of `schema` (see `columnar.SCHEMAS`)."""
    arrays = [_column(field, rows) for field in schema if field.name != "row"]
    return pa.record_batch([*arrays, integers(np.asarray(numbers, np.int64))], schema=schema)


def _column(field: pa.Field, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
    name = field.name
    values = [row.get(name) for row in rows]
    if name in JSON_COLUMNS:
        return _json(values)
    return _array(values, field.type)


def _array(values: list[Any], arrow_type: pa.DataType) -> pa.Array:
    if pa.types.is_string(arrow_type):
        return texts(values)
    if pa.types.is_list(arrow_type):
        return _lists(values, arrow_type)
    if pa.types.is_struct(arrow_type):
        return _turns(values, arrow_type)
    return pa.array(values, arrow_type)


def integers(values: Any) -> pa.Array:
    """A numpy array as it is. pa.array would import pandas first, which takes longer than a small file."""
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def texts(values: list[Any]) -> pa.Array:
    """pa.array grows its buffer as it goes, which for long texts costs more than everything else together."""
    if None in values:
        return pa.array(values, pa.string())
    if all(map(str.isascii, values)):
        lengths, data = map(len, values), "".join(values).encode()
    else:
        encoded = list(map(str.encode, values))
        lengths, data = map(len, encoded), b"".join(encoded)
    ends = np.zeros(len(values) + 1, np.int32)
    np.cumsum(np.fromiter(lengths, np.int32, len(values)), out=ends[1:])
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(data))


def _lists(values: list[Any], arrow_type: pa.DataType) -> pa.Array:
    missing = None
    if None in values:
        missing = pa.array([value is None for value in values])
        values = [value or () for value in values]
    ends = integers(np.fromiter(accumulate(map(len, values), initial=0), np.int32))
    items = _array(list(chain.from_iterable(values)), arrow_type.value_type)
    return pa.ListArray.from_arrays(ends, items, type=arrow_type, mask=missing)


def _turns(turns: list[dict[str, Any]], arrow_type: pa.DataType) -> pa.Array:
    bare = max(map(len, turns), default=0) <= KEYS_OF_EVERY_TURN
    return pa.StructArray.from_arrays([_key(turns, field, bare) for field in arrow_type], fields=list(arrow_type))


def _key(turns: list[dict[str, Any]], field: pa.Field, bare: bool) -> pa.Array:
    """One key of all turns. `bare`: none of them has any but role and content."""
    name = field.name
    if name in ("role", "content"):
        return texts(list(map(itemgetter(name), turns)))
    if bare:
        return pa.nulls(len(turns), field.type)
    values = [turn.get(name) for turn in turns]
    return _json(values) if name in JSON_KEYS else pa.array(values, field.type)


def _json(values: list[Any]) -> pa.Array:
    if not any(values):
        return pa.nulls(len(values), pa.string())
    return pa.array([as_json(value) if value else None for value in values], pa.string())


def as_json(value: Any) -> str:
    """A value as JSON text, always: what JSON has no word for is written as people read it."""
    try:
        return orjson.dumps(value, default=_as_text, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # half characters, very deep or very large numbers
        return _lenient(value)


def _lenient(value: Any) -> str:
    try:
        text = json.dumps(value, default=_as_text, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        text = json.dumps(
            {str(name): printable_value(item) for name, item in value.items()} if isinstance(value, dict) else []
        )
    return text.encode("utf-8", "replace").decode()


def _as_text(value: Any) -> str:
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


def with_extra(batch: pa.RecordBatch, name: str, value: str) -> pa.RecordBatch:
    """The same rows, each with `value` in `extra` under a name, unless it has something there already."""
    only_value = orjson.dumps({name: value}).decode()
    extras = batch.column("extra").to_pylist()
    cells = [orjson.dumps({name: value, **orjson.loads(cell)}).decode() if cell else only_value for cell in extras]
    column_index = batch.schema.get_field_index("extra")
    return batch.set_column(column_index, batch.schema.field(column_index), pa.array(cells, pa.string()))


def plain(table: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """The rows of a stored batch as people and templates know them: without what they do not have, JSON text read."""
    columns = {name: _plain(table.column(name), name in JSON_COLUMNS) for name in table.schema.names}
    if any(None in column for column in columns.values()):
        present = [name for name, column in columns.items() if any(cell is not None for cell in column)]
        for cells in zip(*(columns[name] for name in present), strict=True):
            yield {name: cell for name, cell in zip(present, cells, strict=True) if cell is not None}
        return
    for cells in zip(*columns.values(), strict=True):
        yield dict(zip(columns, cells, strict=True))


def _plain(column: pa.Array, is_json: bool) -> list[Any]:
    if is_json:
        return [value if value is None else orjson.loads(value) for value in column.to_pylist()]
    if pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type):
        return _plain_turns(column)
    values: list[Any] = column.to_pylist()
    return values


def _plain_turns(column: pa.ListArray) -> list[Any]:
    ends = column.offsets.to_pylist()
    turns = _dicts(column.values.slice(ends[0], ends[-1] - ends[0])) if ends else []
    lists = [turns[start - ends[0] : end - ends[0]] for start, end in pairwise(ends)]
    if column.null_count:
        return [
            turns if is_valid else None for turns, is_valid in zip(lists, column.is_valid().to_pylist(), strict=True)
        ]
    return lists


def _dicts(turns: pa.StructArray) -> list[dict[str, Any]]:
    """Turns without the keys they do not have."""
    keys = {field.name: array for field, array in zip(turns.type, turns.flatten(), strict=True)}
    filled = {name: array for name, array in keys.items() if array.null_count < len(array)}
    lists = [_plain(array, name in JSON_KEYS) for name, array in filled.items()]
    if any(array.null_count for array in filled.values()):
        return [
            {name: cell for name, cell in zip(filled, cells, strict=True) if cell is not None}
            for cells in zip(*lists, strict=True)
        ]
    return [dict(zip(filled, cells, strict=True)) for cells in zip(*lists, strict=True)]
