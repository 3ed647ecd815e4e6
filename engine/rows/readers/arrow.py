"""Arrow: IPC files (Feather), and IPC streams, as `datasets` keeps in its cache. Read batch by batch."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from engine.rows.readers import parquet
from engine.rows.readers.source import Source
from engine.rows.verdict import Rejection

FILE, STREAM = b"ARROW1", b"\xff\xff\xff\xff"
MAGIC = (FILE, STREAM)
MAPPED_BYTES = 1 << 30  # a batch need not be loaded as a whole then; more does not fit into the worker's address space


def rows(source: Source) -> Iterator[dict[str, Any] | Rejection]:
    """Each row as {column: value}. Raises UnreadableError when the file is cut off or broken."""
    try:
        with (pa.memory_map if source.size < MAPPED_BYTES else pa.OSFile)(str(source.path)) as file:
            for batch in _batches(file, source):
                batch.validate(full=True)  # offsets that point anywhere would be followed anywhere
                names = parquet.check_columns(source, batch.schema.names, batch.num_columns)
                yield from parquet.plain_rows(batch.rename_columns(names))
        source.report(1.0)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the names of columns may be anything
        raise parquet.broken("Arrow", error) from error


def _batches(file: Any, source: Source) -> Iterator[Any]:
    if source.head.startswith(STREAM):
        for batch in pa.ipc.open_stream(file):
            yield batch
            source.report(file.tell() / source.size)
        return
    reader = pa.ipc.open_file(file)
    for number in range(reader.num_record_batches):
        yield reader.get_batch(number)
        source.report((number + 1) / reader.num_record_batches)
