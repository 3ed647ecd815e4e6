"""What every operation on datasets is: a model that describes it, says it in words, and gives the new rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from engine.rows.verdict import Kind

BATCH_ROWS = 1000


@dataclass(frozen=True)
class Parent:
    """A dataset that rows are taken from."""

    path: Path
    kind: Kind
    name: str
    rows: int


@dataclass
class Workspace:
    """Where an operation works: a folder for what does not fit into memory, and what there is to tell afterwards."""

    scratch: Path
    seen: Callable[[int], None] = lambda _rows: None  # told how many rows were read; may raise to end the work
    changed: int = 0  # rows that came out with another content
    notes: list[str] = field(default_factory=list)  # what a person should know, in sentences

    def read(self, parent: Parent, *columns: str) -> Iterator[pa.RecordBatch]:
        """The rows of a parent in their order, or only some columns of them, a batch at a time."""
        with pq.ParquetFile(parent.path) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=list(columns) or None, use_threads=False):
                yield batch
                self.seen(batch.num_rows)


class Shaping(BaseModel):
    """An operation. Subclasses have `op: Literal[...]`, the fields of the operation and the two methods."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def words(self) -> str:
        """What it does, for the list of versions: a sentence without its subject, in the past tense."""
        raise NotImplementedError

    def run(self, parents: Sequence[Parent], workspace: Workspace) -> Iterator[pa.RecordBatch]:
        """The rows of the new dataset, each with the number it had in the source."""
        raise NotImplementedError

    def kind(self, parents: Sequence[Parent]) -> Kind:
        """The kind of the rows that come out. Raises RefusedError for parents that do not go together."""
        return parents[0].kind

    def passes(self) -> int:
        """How often the parents are read; progress counts in it."""
        return 1


def kept(batches: Iterator[pa.RecordBatch], keep: npt.NDArray[np.bool_]) -> Iterator[pa.RecordBatch]:
    """The rows whose place in `keep`, which has one for each row of all batches, is true."""
    first = 0
    for batch in batches:
        yield batch.filter(pa.array(keep[first : first + batch.num_rows]))
        first += batch.num_rows
