"""Merge: the rows of several datasets, one dataset after the other."""

from collections.abc import Iterator, Sequence
from typing import Literal

import pyarrow as pa
from pydantic import Field

from engine.rows.shape import convert, operation
from engine.rows.verdict import Kind


class Merge(operation.Shaping):
    """Rows keep the number they had in their own source, and the name of the dataset they came from in `extra`."""

    op: Literal["merge"] = Field(default="merge", description="Put several datasets one after the other.")

    def words(self) -> str:
        return "merged, one after the other"

    def kind(self, parents: Sequence[operation.Parent]) -> Kind:
        return convert.common_kind([parent.kind for parent in parents])

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        kind = self.kind(parents)
        for parent in parents:
            for batch in workspace.read(parent):
                yield convert.with_source_name(convert.as_kind(batch, parent.kind, kind), parent.name)
