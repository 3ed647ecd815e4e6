"""Parquet: read in batches of a few hundred rows, whatever the size of its row groups."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.data.errors import UnreadableError
from engine.data.source import Source
from engine.data.verdict import Rejection

BATCH_ROWS = 256
MOST_COLUMNS = 2_000


def rows(source: Source) -> Iterator[dict[str, Any] | Rejection]:
    """Each row as {column: value}. Raises UnreadableError when the file is cut off or broken."""
    try:
        file = pq.ParquetFile(source.path)
        if file.metadata.num_columns > MOST_COLUMNS:
            raise UnreadableError(f"The file has {file.metadata.num_columns} columns.", "Keep those with the text.")
        for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            yield from _plain(batch)
    except (pa.ArrowException, OSError) as error:
        words = str(error).splitlines()[0][:200]
        raise UnreadableError(
            f"The Parquet file is broken or cut off: {words}", "Write or download it again."
        ) from error


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
