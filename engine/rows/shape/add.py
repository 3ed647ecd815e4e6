"""Add: rows written by a person, or kept from a chat, after the last row; or the first rows of a new dataset."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from engine.rows.shape import operation, validated_rows
from engine.rows.store import columnar, columns
from engine.rows.verdict import Kind

MOST_ROWS = 200


class Add(operation.Shaping):
    """New rows are read like rows of a file. They are numbered on from the largest number there is."""

    op: Literal["add"] = Field(default="add", description="Add rows at the end.")
    rows: tuple[dict[str, Any], ...] = Field(
        min_length=1, max_length=MOST_ROWS, description="The rows, in any format that becomes the dataset's kind."
    )
    new_kind: Kind | None = Field(default=None, description="The kind of a new dataset; null to add to one.")
    where: str = Field(default="", max_length=200, description="Where the rows come from, for the list of versions.")

    def words(self) -> str:
        count = f"added {len(self.rows):,} row{'s' * (len(self.rows) != 1)}"
        return f"{count} from {self.where}" if self.where else count

    def kind(self, parents: Sequence[operation.Parent]) -> Kind:
        return parents[0].kind if parents else self.new_kind or "chat"

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        kind, last = self.kind(parents), 0
        for parent in parents:
            for batch in workspace.read(parent):
                last = max(last, pc.max(batch.column("row")).as_py() or 0)
                yield batch
        added = [
            validated_rows.required(row, kind, f"Row {number} of those to add")
            for number, row in enumerate(self.rows, 1)
        ]
        yield columns.batch(added, [last + number for number in range(1, len(added) + 1)], columnar.SCHEMAS[kind])
