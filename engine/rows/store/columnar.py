"""The file a dataset is kept in: Parquet with one schema a kind, in row groups small enough to page through.

`SCHEMAS` has the columns of each kind; `row` is the number the row had in the source, from 1. The same rows give the
same bytes, so the sha256 of the file names its content.

`extra` is the JSON text of an object, or null. Where the files of an import belong to several splits, its key SPLIT has
the one of the row: "train", "validation", "test", or a name of its own. A file may also bring a column of that name. It
stays with the row through every change of the dataset.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.rows.store import columns, hashed_file
from engine.rows.verdict import Kind

SPLIT = "split"
GROUP_ROWS = 1000
GROUP_BYTES = 8 << 20
HELD_ROWS = 250  # rows added one by one are made to columns so many at a time
HELD_BYTES = 2 << 20

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


class Writer:
    """Writes rows of one kind to a new file, a row group at a time. Use as a context; complete after `close`.

    Row groups end where the rows say so, however they came in: the same rows give the same file.
    """

    def __init__(self, path: Path, kind: Kind) -> None:
        self.path, self.schema = path, SCHEMAS[kind]
        self._sink = hashed_file.HashedFile(path)
        # Texts hardly ever repeat as a whole, and nobody asks for their smallest: no dictionaries, no statistics.
        # snappy packs about as fast as text is read; zstd saves a quarter of the space for several times its time.
        self._file = pq.ParquetWriter(
            self._sink,
            self.schema,
            compression="snappy",
            use_dictionary=False,
            write_statistics=False,
        )
        self._added: list[Mapping[str, Any]] = []
        self._numbers: list[int] = []
        self._added_bytes = 0
        self._group: list[pa.RecordBatch] = []  # what the next row group has so far
        self._group_rows = self._group_bytes = 0
        self.rows = 0

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._sink.close()

    @property
    def sha256(self) -> str:
        """Of the whole file, once it is closed; it need not be read again."""
        return self._sink.sha256.hexdigest()

    def add(self, row: int, values: Mapping[str, Any]) -> None:
        """One plain row: tools, tool calls and extra as lists and objects. `row` is its number in the source."""
        self._added.append(values)
        self._numbers.append(row)
        self._added_bytes += about_bytes(values)
        if len(self._added) >= HELD_ROWS or self._added_bytes >= HELD_BYTES:
            self._settle()

    def add_batch(self, batch: pa.RecordBatch) -> None:
        """Many rows, as `columns.batch` makes them."""
        self._settle()
        self._take(batch)

    def close(self) -> None:
        """Writes what is left and brings it to the disk."""
        self._settle()
        self._flush()
        self._file.close()
        self._sink.sync()

    def _settle(self) -> None:
        if self._added:
            batch = columns.batch(self._added, self._numbers, self.schema)
            self._added, self._numbers, self._added_bytes = [], [], 0
            self._take(batch)

    def _take(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        while batch.num_rows:
            part = batch.slice(0, GROUP_ROWS - self._group_rows)
            size = sum(map(_total_text_bytes, part.columns))
            if self._group_bytes + size >= GROUP_BYTES:
                ends = np.cumsum(sum(map(_text_bytes_of_each, part.columns)))
                part = part.slice(0, int(np.searchsorted(ends, GROUP_BYTES - self._group_bytes)) + 1)
                size = int(ends[part.num_rows - 1])
            self._group.append(part)
            self._group_rows += part.num_rows
            self._group_bytes += size
            if self._group_rows >= GROUP_ROWS or self._group_bytes >= GROUP_BYTES:
                self._flush()
            batch = batch.slice(part.num_rows)

    def _flush(self) -> None:
        if self._group:
            # One chunk: where chunks end, pages would end as well.
            self._file.write_table(pa.Table.from_batches(self._group).combine_chunks())
        self._group, self._group_rows, self._group_bytes = [], 0, 0


def about_bytes(value: Any) -> int:
    """About how much memory a value takes, quickly."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum([len(item) if isinstance(item, str) else about_bytes(item) for item in value.values()])
    return sum([about_bytes(item) for item in value]) if isinstance(value, list) else 8


def _total_text_bytes(array: pa.Array) -> int:
    """The bytes of text in all of it, at no more than a look at the first and last of each kind of text."""
    if array.null_count == len(array):
        return 0
    if array.null_count or not (pa.types.is_string(array.type) or pa.types.is_nested(array.type)):
        return int(_text_bytes_of_each(array).sum())
    if pa.types.is_struct(array.type):
        return sum(map(_total_text_bytes, array.flatten()))
    ends = np.frombuffer(array.buffers()[1], np.int32)
    first, last = int(ends[array.offset]), int(ends[array.offset + len(array)])
    return _total_text_bytes(array.values.slice(first, last - first)) if pa.types.is_list(array.type) else last - first


def _text_bytes_of_each(array: pa.Array) -> Any:
    """The bytes of text in each."""
    if array.null_count == len(array):
        return np.zeros(len(array), np.int64)
    if pa.types.is_string(array.type):
        return pc.fill_null(pc.binary_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    if pa.types.is_list(array.type):
        ends = array.offsets.to_numpy()
        text_ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(_text_bytes_of_each(array.values))])
        return text_ends[ends[1:]] - text_ends[ends[:-1]]
    if pa.types.is_struct(array.type):
        return sum((_text_bytes_of_each(field) for field in array.flatten()), np.zeros(len(array), np.int64))
    return np.full(len(array), 8, np.int64)


def shifted(batch: pa.RecordBatch, by: int) -> pa.RecordBatch:
    """The batch with `by` added to the numbers of its rows."""
    column_index = batch.schema.get_field_index("row")
    return batch.set_column(
        column_index, batch.schema.field(column_index), columns.integers(batch.column(column_index).to_numpy() + by)
    )


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored row as people and templates know it: turns without what they do not have, JSON text read."""
    present = {name: value for name, value in row.items() if value is not None}
    for name in columns.JSON_COLUMNS:
        if name in present:
            present[name] = orjson.loads(present[name])
    for name in TURN_COLUMNS:
        if isinstance(present.get(name), list):
            present[name] = [_turn(turn) for turn in present[name]]
    return present


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    present = {name: value for name, value in turn.items() if value is not None}
    return present | {name: orjson.loads(present[name]) for name in columns.JSON_KEYS if name in present}


def page(path: Path, offset: int, limit: int) -> list[dict[str, Any]]:
    """`limit` rows from `offset` on, as `plain` gives them. Reads only the row groups they are in."""
    rows: list[dict[str, Any]] = []
    metadata, ends = _footer(path)
    with pq.ParquetFile(path, metadata=metadata) as file:
        group = int(np.searchsorted(ends, offset, side="right"))
        while len(rows) < limit and group < len(ends):
            first = int(ends[group - 1]) if group else 0
            start = offset + len(rows) - first
            rows += _plain(file.read_row_group(group, use_threads=False).slice(start, limit - len(rows)))
            group += 1
    return rows


def _plain(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches():
        yield from columns.plain(batch)


def _footer(path: Path) -> tuple[Any, Any]:
    stat = path.stat()
    return _footer_of(str(path), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=16)
def _footer_of(path: str, _changed: int, _size: int) -> tuple[Any, Any]:
    """The file's metadata, and the number of rows up to the end of each row group. A million rows have a thousand."""
    metadata = pq.read_metadata(path)
    counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    return metadata, np.cumsum(counts)


def row_count(path: Path) -> int:
    """The number of rows in a complete file. Raises pyarrow.ArrowException for any other."""
    return int(pq.read_metadata(path).num_rows)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
