"""Edit: one row gets new values."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field

from engine.rows.shape import operation as shaping
from engine.rows.shape import validated_rows
from engine.rows.store import columnar, columns


class Edit(shaping.Shaping):
    """The row keeps its place and its number. The new values are read like a row of a file, and refused like one."""

    op: Literal["edit"] = Field(default="edit", description="Give one row new values.")
    position: int = Field(ge=0, lt=2**53, description="Which row, counted from 0 in the order of the dataset.")
    values: dict[str, Any] = Field(description="The whole row, in any format that becomes the dataset's kind.")

    def words(self) -> str:
        return f"edited the row at position {self.position + 1:,}"

    def run(self, parents: Sequence[shaping.Parent], desk: shaping.Desk) -> Iterator[pa.RecordBatch]:
        (parent,) = parents
        values = validated_rows.required(self.values, parent.kind)
        first = 0
        for batch in desk.read(parent):
            place = self.position - first
            first += batch.num_rows
            if 0 <= place < batch.num_rows:
                number = batch.column("row")[place].as_py()
                yield batch.slice(0, place)
                yield columns.batch([values], [number], columnar.SCHEMAS[parent.kind])
                yield batch.slice(place + 1)
                desk.changed += 1
            else:
                yield batch
