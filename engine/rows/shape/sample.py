"""Sample: so many rows, or such a share of them, chosen evenly at random and kept in their order."""

from collections.abc import Iterator, Sequence
from typing import Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from engine.rows.shape import operation


class Sample(operation.Shaping):
    """The same seed chooses the same rows."""

    op: Literal["sample"] = Field(default="sample", description="Keep a random part of the rows.")
    rows: int | None = Field(default=None, ge=1, description="How many rows to keep; or give a share.")
    share: float | None = Field(default=None, gt=0, lt=1, description="Which share to keep, such as 0.1.")
    seed: int = Field(default=42, ge=0, lt=2**63, description="Another seed chooses other rows.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.rows is None) == (self.share is None):
            raise ValueError("give either rows or share")
        return self

    def words(self) -> str:
        amount = f"{self.rows:,} rows" if self.rows else f"{100 * (self.share or 0):g} % of the rows"
        return f"sampled {amount} (seed {self.seed})"

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        (parent,) = parents
        count = min(parent.rows, self.rows or max(1, round(parent.rows * (self.share or 0))))
        chosen = np.zeros(parent.rows, dtype=np.bool_)
        chosen[np.random.default_rng(self.seed).choice(parent.rows, count, replace=False)] = True
        yield from operation.kept(workspace.read(parent), chosen)
