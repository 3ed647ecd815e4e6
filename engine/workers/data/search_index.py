"""Makes the index that rows are searched with: `python -m engine.workers.data.search_index SPEC.json OUT/`.

Spec: {"path": the dataset's Parquet file, "kind"}. Leaves OUT/index.sqlite: an FTS5 table without the texts
themselves, whose rowid is the row's position in the dataset.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from engine.process import events
from engine.rows.health.batch import batches
from engine.rows.search import lookup
from engine.rows.store import columnar
from engine.workers import contract

PROGRESS_SECONDS = 0.5
NICENESS = 10


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Indexes every text of every row. Raises Stopped when asked to stop."""
    part, path = out / "index.part", Path(spec["path"])
    part.unlink(missing_ok=True)
    rows = columnar.row_count(path)
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as index:
            lookup.prepare(index)
            index.execute("BEGIN")
            for done in _indexed(index, path, spec["kind"], out, rows):
                rows = max(rows, done)
            index.execute("COMMIT")
        os.replace(part, out / lookup.INDEX)
    finally:
        part.unlink(missing_ok=True)
    return {"rows": rows, "bytes": (out / lookup.INDEX).stat().st_size}


def _indexed(index: sqlite3.Connection, path: Path, kind: Any, out: Path, rows: int) -> Iterator[int]:
    reported = time.monotonic()
    for batch in batches(path, kind):
        texts = lookup.words(batch.text).to_pylist()
        lookup.add(index, batch.first, texts)
        done = batch.first + len(texts)
        yield done
        if time.monotonic() - reported > PROGRESS_SECONDS:
            reported = time.monotonic()
            events.append(out, events.Progress(done=done, total=rows, stage=f"{done:,} of {rows:,} rows indexed"))
            if contract.stop_requested(out):
                raise contract.Stopped


if __name__ == "__main__":
    os.nice(NICENESS)
    contract.run(work)
