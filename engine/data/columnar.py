"""The file a dataset is kept in: Parquet with one schema a kind, in row groups small enough to page through.

chat: messages (list of {role, content}) · completion: prompt, completion · text: text. `row` is the number the row had
in the source, from 1. The same rows give the same bytes, so the sha256 of the file names its content.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.data.verdict import Kind

GROUP_ROWS = 1000
GROUP_BYTES = 8 << 20

_TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
SCHEMAS: dict[Kind, pa.Schema] = {
    "chat": pa.schema([("messages", pa.list_(_TURN)), ("row", pa.int64())]),
    "completion": pa.schema([("prompt", pa.string()), ("completion", pa.string()), ("row", pa.int64())]),
    "text": pa.schema([("text", pa.string()), ("row", pa.int64())]),
}


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
        self._held.append({**values, "row": row})
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
    if "messages" in values:
        return sum(len(turn["content"]) for turn in values["messages"])
    return sum(len(value) for value in values.values())


def page(path: Path, offset: int, limit: int) -> list[dict[str, Any]]:
    """`limit` rows from `offset` on. Reads only the row groups they are in."""
    found: list[dict[str, Any]] = []
    with pq.ParquetFile(path) as file:
        for group, first, count in _groups(file.metadata):
            if first + count > offset + len(found) and len(found) < limit:
                start = offset + len(found) - first
                found += file.read_row_group(group).slice(start, limit - len(found)).to_pylist()
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
