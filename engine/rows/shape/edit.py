"""Edit: one row gets new values."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from engine.rows.shape import operation, validated_rows
from engine.rows.store import columnar, columns


class Edit(operation.Shaping):
    """The row keeps its place and its number. The new values are read like a row of a file, and refused like one."""

    op: Literal["edit"] = Field(default="edit", description="Give one row new values.")
    position: int = Field(ge=0, lt=2**53, description="Which row, counted from 0 in the order of the dataset.")
    values: dict[str, Any] = Field(description="The whole row, in any format that becomes the dataset's kind.")

    def words(self) -> str:
        return f"edited the row at position {self.position + 1:,}"

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        (parent,) = parents
        values = validated_rows.required(self.values, parent.kind)
        first = 0
        for batch in workspace.read(parent):
            offset = self.position - first
            first += batch.num_rows
            if 0 <= offset < batch.num_rows:
                number = batch.column("row")[offset].as_py()
                yield batch.slice(0, offset)
                yield columns.batch([values], [number], columnar.SCHEMAS[parent.kind])
                yield batch.slice(offset + 1)
                workspace.changed += 1
            else:
                yield batch
