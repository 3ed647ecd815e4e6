"""Parquet: read in batches of a few hundred rows, fewer when they are large, whatever the size of its row groups."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.rows.errors import UnreadableError
from engine.rows.readers.column_names import duplicates_note, told_apart
from engine.rows.readers.lines import MOST_ROW_BYTES
from engine.rows.readers.source import Source
from engine.rows.verdict import Rejection

BATCH_ROWS = 256
BATCH_BYTES = 4 << 20
MOST_DECODED_BYTES = 64 << 20  # of a batch, should every row repeat the longest value of its dictionary
INDEX_BYTES = 64  # a value that takes less on average is likely a number in a dictionary
MOST_COLUMNS = 2_000


def rows(source: Source) -> Iterator[dict[str, Any] | Rejection]:
    """Each row as {column: value}. Raises UnreadableError when the file is cut off or broken."""
    try:
        with pq.ParquetFile(source.path, pre_buffer=False) as file:
            names = check_columns(source, file.schema_arrow.names, file.metadata.num_columns)
            _check_rows(file.metadata)
            done = 0
            for batch in file.iter_batches(batch_size=_batch_rows(file.metadata), use_threads=False):
                yield from plain_rows(batch.rename_columns(names))
                done += batch.num_rows
                source.report(done / file.metadata.num_rows)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the names of columns may be anything
        raise broken("Parquet", error) from error


def _batch_rows(metadata: Any) -> int:
    """So many rows as take some MB."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    total: int = sum(group.total_byte_size for group in groups)
    rows: int = metadata.num_rows
    longest = max(
        (_dictionary_bytes(group.column(column)) for group in groups for column in range(group.num_columns)), default=0
    )
    return max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(1, total), MOST_DECODED_BYTES // max(1, longest)))


def _dictionary_bytes(chunk: Any) -> int:
    """How long a value may be that rows name by a number: a small file can repeat a long one without end."""
    by_number = chunk.has_dictionary_page and chunk.total_uncompressed_size < INDEX_BYTES * chunk.num_values
    few_values = chunk.has_dictionary_page and chunk.num_values < BATCH_ROWS * 8
    return int(chunk.total_uncompressed_size) if by_number or few_values else 0


def _check_rows(metadata: Any) -> None:
    """Raises UnreadableError when rows unpack to more than a row may have, before any is read."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.num_rows and group.total_byte_size // group.num_rows > MOST_ROW_BYTES:
            size = group.total_byte_size // group.num_rows >> 20
            message = f"A row of the file takes {size} MB; the longest row is {MOST_ROW_BYTES >> 20} MB."
            raise UnreadableError(message, "Split the long rows, and write the file again.")


def check_columns(source: Source, names: Sequence[str], leaves: int) -> list[str]:
    """Names that tell the columns apart. Raises UnreadableError for a file with thousands of columns."""
    if leaves > MOST_COLUMNS:
        raise UnreadableError(f"The file has {leaves} columns.", "Keep those with the text.")
    unique = told_apart(names)
    if not source.remarks:
        source.remarks += duplicates_note(names, unique)
    return unique


def broken(kind: str, error: Exception) -> UnreadableError:
    """What is said about a file that Arrow cannot read."""
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return UnreadableError(f"The {kind} file is broken or cut off: {reason}", "Write or download it again.")


def plain_rows(batch: Any) -> Iterator[dict[str, Any] | Rejection]:
    """The rows of an Arrow batch; a Rejection for one that is no UTF-8."""
    step = max(1, min(BATCH_ROWS, BATCH_BYTES * batch.num_rows // max(1, batch.nbytes)))
    for start in range(0, batch.num_rows, step):
        yield from _plain_batch(batch.slice(start, step))


def _plain_batch(batch: Any) -> Iterator[dict[str, Any] | Rejection]:
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for position in range(batch.num_rows):
            yield _plain_row(batch.slice(position, 1))


def _plain_row(batch: Any) -> dict[str, Any] | Rejection:
    try:
        row: dict[str, Any] = batch.to_pylist()[0]
    except UnicodeDecodeError as error:
        return Rejection("not_utf8", str(error))
    return row
