"""Deduplicate: of rows with the same content only the first stays."""

from collections.abc import Iterator, Sequence
from typing import Literal

import pyarrow as pa
from pydantic import Field

from engine.rows.shape import fingerprint, operation


class Deduplicate(operation.Shaping):
    """Exact duplicates only. What stands beside a row counts for prompts, whose rewards are computed from it."""

    op: Literal["deduplicate"] = Field(default="deduplicate", description="Leave out rows that came before.")

    def words(self) -> str:
        return "left out exact duplicates"

    def passes(self) -> int:
        return 2

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        (parent,) = parents
        extra = parent.kind == "prompt"
        prints = fingerprint.together([fingerprint.fingerprints(batch, extra) for batch in workspace.read(parent)])
        yield from operation.kept(workspace.read(parent), fingerprint.first_of_each(prints))
