"""The file a dataset is kept in: Parquet with one schema a kind, in row groups small enough to page through.

`SCHEMAS` has the columns of each kind; `row` is the number the row had in the source, from 1. The same rows give the
same bytes, so the sha256 of the file names its content.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from engine.data.verdict import Kind

GROUP_ROWS = 1000
GROUP_BYTES = 8 << 20

# tool_calls: JSON text of [{"id"?, "type": "function", "function": {"name", "arguments"}}]. train false: context only.
_TURN = pa.struct(
    [
        ("role", pa.string()),
        ("content", pa.string()),
        ("tool_calls", pa.string()),
        ("tool_call_id", pa.string()),
        ("name", pa.string()),
        ("train", pa.bool_()),
    ]
)
_TURNS = pa.list_(_TURN)
_TOOLS = ("tools", pa.string())  # JSON text: a list of function schemas
_REST = (("extra", pa.string()), ("row", pa.int64()))  # extra: JSON text of the columns nothing is learnt from
SCHEMAS: dict[Kind, pa.Schema] = {
    "chat": pa.schema([("messages", _TURNS), _TOOLS, *_REST]),
    "completion": pa.schema([("prompt", pa.string()), ("completion", pa.string()), *_REST]),
    "text": pa.schema([("text", pa.string()), *_REST]),
    "preference": pa.schema([("prompt", _TURNS), ("chosen", _TURNS), ("rejected", _TURNS), _TOOLS, *_REST]),
    "unpaired": pa.schema([("prompt", _TURNS), ("completion", _TURNS), ("label", pa.bool_()), _TOOLS, *_REST]),
    "prompt": pa.schema([("prompt", _TURNS), _TOOLS, *_REST]),
    "stepwise": pa.schema(
        [("prompt", pa.string()), ("completions", pa.list_(pa.string())), ("labels", pa.list_(pa.bool_())), *_REST]
    ),
}
TURN_COLUMNS = ("messages", "prompt", "chosen", "rejected", "completion")  # lists of turns, or text, by kind
_JSON_COLUMNS = ("tools", "extra")


def packed(values: dict[str, Any]) -> dict[str, Any]:
    """A row as it is stored: what has no fixed shape becomes JSON text."""
    stored = {name: _as_json(value) if name in _JSON_COLUMNS else value for name, value in values.items()}
    for name in TURN_COLUMNS:
        turns = stored.get(name)
        if isinstance(turns, list) and any("tool_calls" in turn for turn in turns):
            stored[name] = [_turn_packed(turn) for turn in turns]
    return stored


def _turn_packed(turn: dict[str, Any]) -> dict[str, Any]:
    return {**turn, "tool_calls": _as_json(turn["tool_calls"])} if turn.get("tool_calls") else turn


def _as_json(value: Any) -> str | None:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode() if value else None


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A stored row as people and templates know it: turns without what they do not have, JSON text read."""
    found = {name: value for name, value in row.items() if value is not None}
    for name in _JSON_COLUMNS:
        if name in found:
            found[name] = orjson.loads(found[name])
    for name in TURN_COLUMNS:
        if isinstance(found.get(name), list):
            found[name] = [_turn_plain(turn) for turn in found[name]]
    return found


def _turn_plain(turn: dict[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in turn.items() if value is not None}
    if "tool_calls" in found:
        found["tool_calls"] = orjson.loads(found["tool_calls"])
    return found


class Writer:
    """Writes rows of one kind to a new file, a row group at a time. Use as a context; complete after `close`."""

    def __init__(self, path: Path, kind: Kind) -> None:
        self.path = path
        self._schema = SCHEMAS[kind]
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._held: list[dict[str, Any]] = []
        self._held_bytes = 0
        self.rows = 0

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, row: int, values: dict[str, Any]) -> None:
        self._held.append({**packed(values), "row": row})
        self._held_bytes += _size(values)
        self.rows += 1
        if len(self._held) >= GROUP_ROWS or self._held_bytes >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Writes what is left and brings it to the disk."""
        self._flush()
        self._file.close()
        with self.path.open("rb") as file:
            os.fsync(file.fileno())

    def _flush(self) -> None:
        if self._held:
            self._file.write_table(pa.Table.from_pylist(self._held, self._schema))
        self._held, self._held_bytes = [], 0


def _size(values: dict[str, Any]) -> int:
    return sum(_length(value) for value in values.values())


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_length(one) for one in value.values())
    return sum(_length(one) for one in value) if isinstance(value, list) else 8


def page(path: Path, offset: int, limit: int) -> list[dict[str, Any]]:
    """`limit` rows from `offset` on, as `plain` gives them. Reads only the row groups they are in."""
    found: list[dict[str, Any]] = []
    with pq.ParquetFile(path) as file:
        for group, first, count in _groups(file.metadata):
            if first + count > offset + len(found) and len(found) < limit:
                start = offset + len(found) - first
                stored = file.read_row_group(group).slice(start, limit - len(found)).to_pylist()
                found += map(plain, stored)
    return found


def _groups(metadata: Any) -> Iterator[tuple[int, int, int]]:
    """(row group, its first row, its rows)."""
    first = 0
    for group in range(metadata.num_row_groups):
        count = metadata.row_group(group).num_rows
        yield group, first, count
        first += count


def row_count(path: Path) -> int:
    """The number of rows in a complete file. Raises pyarrow.ArrowException for any other."""
    return int(pq.read_metadata(path).num_rows)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
