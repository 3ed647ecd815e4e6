"""Parquet: read in batches of a few hundred rows, fewer when they are large, whatever the size of its row groups."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.data.errors import UnreadableError
from engine.data.source import Source
from engine.data.verdict import Rejection

BATCH_ROWS = 256
BATCH_BYTES = 4 << 20
MOST_COLUMNS = 2_000


def rows(source: Source) -> Iterator[dict[str, Any] | Rejection]:
    """Each row as {column: value}. Raises UnreadableError when the file is cut off or broken."""
    try:
        with pq.ParquetFile(source.path, pre_buffer=False) as file:
            check_width(file.metadata.num_columns)
            done = 0
            for batch in file.iter_batches(batch_size=_batch_rows(file.metadata), use_threads=False):
                yield from plain_rows(batch)
                done += batch.num_rows
                source.report(done / file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise broken("Parquet", error) from error


def _batch_rows(metadata: Any) -> int:
    """So many rows as take some MB."""
    total: int = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    rows: int = metadata.num_rows
    return max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(1, total)))


def check_width(columns: int) -> None:
    """Raises UnreadableError for a file with thousands of columns."""
    if columns > MOST_COLUMNS:
        raise UnreadableError(f"The file has {columns} columns.", "Keep those with the text.")


def broken(kind: str, error: Exception) -> UnreadableError:
    """What is said about a file that Arrow cannot read."""
    words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return UnreadableError(f"The {kind} file is broken or cut off: {words}", "Write or download it again.")


def plain_rows(batch: Any) -> Iterator[dict[str, Any] | Rejection]:
    """The rows of an Arrow batch; a Rejection for one that is no UTF-8."""
    for start in range(0, batch.num_rows, BATCH_ROWS):
        yield from _plain(batch.slice(start, BATCH_ROWS))


def _plain(batch: Any) -> Iterator[dict[str, Any] | Rejection]:
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for position in range(batch.num_rows):
            yield _one(batch.slice(position, 1))


def _one(batch: Any) -> dict[str, Any] | Rejection:
    try:
        row: dict[str, Any] = batch.to_pylist()[0]
    except UnicodeDecodeError as error:
        return Rejection("not_utf8", str(error))
    return row
