"""Shuffle: the rows in a random order, every order as likely as any other, without holding them in memory.

Each row goes to a random one of several files; each file, small enough to hold, is then shuffled by itself.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from engine.rows.shape import operation

PILE_BYTES = 32 << 20
MOST_PILES = 200  # files open at once


class Shuffle(operation.Shaping):
    """The same seed gives the same order."""

    op: Literal["shuffle"] = Field(default="shuffle", description="Put the rows into a random order.")
    seed: int = Field(default=42, ge=0, lt=2**63, description="Another seed gives another order.")

    def words(self) -> str:
        return f"shuffled (seed {self.seed})"

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        (parent,) = parents
        generator = np.random.default_rng(self.seed)
        paths = [workspace.scratch / f"pile-{number}.arrow" for number in range(_piles(parent.path))]
        _scatter(workspace.read(parent), paths, generator)
        for path in paths:
            if path.exists():
                yield from _shuffled(path, generator)
                path.unlink()


def _piles(path: Path) -> int:
    metadata = pq.read_metadata(path)
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    return int(min(MOST_PILES, size // PILE_BYTES + 1))


def _scatter(batches: Iterator[pa.RecordBatch], paths: list[Path], generator: np.random.Generator) -> None:
    with ExitStack() as stack:
        open_files: dict[int, Any] = {}
        for batch in batches:
            piles = generator.integers(len(paths), size=batch.num_rows)
            for pile in np.unique(piles):
                if pile not in open_files:
                    sink = stack.enter_context(pa.OSFile(str(paths[pile]), "wb"))
                    open_files[pile] = stack.enter_context(pa.ipc.new_stream(sink, batch.schema))
                open_files[pile].write_batch(batch.filter(pa.array(piles == pile)))


def _shuffled(path: Path, generator: np.random.Generator) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path), "rb") as source:
        table = pa.ipc.open_stream(source).read_all()
    order = generator.permutation(table.num_rows)
    for start in range(0, len(order), operation.BATCH_ROWS):
        yield from table.take(pa.array(order[start : start + operation.BATCH_ROWS])).combine_chunks().to_batches()
