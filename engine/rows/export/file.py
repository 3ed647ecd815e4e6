"""Exported rows as a file: JSON Lines, perhaps packed, or Parquet. Both are written row by row.

Parquet needs the types of all columns before the first row, so the rows are looked through once before. Tools and calls
of tools are JSON text in it, as their arguments may have any shape; so is a column beside the rows whose values are of
several types, or lists and objects.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

File = Literal["jsonl", "parquet"]
Packed = Literal["", "gz", "zst"]
Row = dict[str, Any]

BATCH_ROWS = 1000
MOST_COLUMNS = 500
_CODECS = {"gz": "gzip", "zst": "zstd"}
_JSON = ("tools", "tool_calls")
_TURN = {
    **dict.fromkeys(("role", "from", "content", "value", "tool_calls", "tool_call_id", "name"), pa.string()),
    "train": pa.bool_(),
    "weight": pa.int64(),
}
_PYTHON = {pa.string(): str, pa.bool_(): bool, pa.int64(): int}


def write_jsonl(path: Path, rows: Iterable[Row], packed: Packed) -> int:
    """Writes one object a line; returns how many."""
    count = 0
    with ExitStack() as stack:
        sink = stack.enter_context(pa.OSFile(str(path), "wb"))
        if packed:
            sink = stack.enter_context(pa.CompressedOutputStream(sink, _CODECS[packed]))
        for batch in _batches(rows):
            sink.write(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in batch))
            count += len(batch)
    return count


def write_parquet(path: Path, rows: Iterable[Row], shapes: "Shapes") -> int:
    """Writes rows with the columns that `shapes` has seen; returns how many."""
    schema, count = shapes.schema(), 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            stored = [{field.name: _stored(row.get(field.name), field.type) for field in schema} for row in batch]
            writer.write_table(pa.Table.from_pylist(stored, schema))
            count += len(batch)
    return count


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _stored(value: Any, arrow_type: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_list(arrow_type) and pa.types.is_struct(arrow_type.value_type):
        return [{key: _as_text(item) if key in _JSON else item for key, item in turn.items()} for turn in value]
    if pa.types.is_floating(arrow_type):
        return float(value)
    return _as_text(value) if pa.types.is_string(arrow_type) else value


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


class Shapes:
    """The types of the columns of rows that were looked at."""

    def __init__(self) -> None:
        self._columns: dict[str, pa.DataType] = {}
        self.left_out: set[str] = set()  # columns beyond those a file can sensibly have

    def see(self, row: Row) -> None:
        for name, value in row.items():
            if value is None:
                continue
            if name not in self._columns and len(self._columns) >= MOST_COLUMNS:
                self.left_out.add(name)
                continue
            arrow_type = _type_of(name, value)
            self._columns[name] = _both(self._columns[name], arrow_type) if name in self._columns else arrow_type

    def schema(self) -> pa.Schema:
        return pa.schema(list(self._columns.items()))


def _type_of(name: str, value: Any) -> pa.DataType:
    match value:
        case bool():
            return pa.bool_()
        case int():
            return pa.int64()
        case float():
            return pa.float64()
        case [dict(), *_] if name not in _JSON and all(_is_turn(item) for item in value):
            keys = {key for turn in value for key in turn}
            return pa.list_(pa.struct([(key, _TURN[key]) for key in _TURN if key in keys]))
        case [*_] if name not in _JSON and (kinds := {type(item) for item in value}) in ({str}, {bool}):
            return pa.list_(pa.string() if kinds == {str} else pa.bool_())
    return pa.string()


def _is_turn(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and ("role" in value or "from" in value)
        and all(
            item is None or (key in _TURN and (key == "tool_calls" or isinstance(item, _PYTHON[_TURN[key]])))
            for key, item in value.items()
        )
    )


def _both(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """The type that values of both can have: JSON text when they have nothing in common."""
    if first == second:
        return first
    if {first, second} == {pa.int64(), pa.float64()}:
        return pa.float64()
    if all(pa.types.is_list(kind) and pa.types.is_struct(kind.value_type) for kind in (first, second)):
        keys = {field.name for kind in (first, second) for field in kind.value_type}
        return pa.list_(pa.struct([(key, _TURN[key]) for key in _TURN if key in keys]))
    return pa.string()
