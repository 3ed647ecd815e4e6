"""Drop: leaves rows out by their positions: a list of them, or a file as engine.rows.health.position_file has it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from engine.rows.health import position_file
from engine.rows.shape import operation

MOST_LISTED = 10_000

Position = Annotated[int, Field(ge=0, lt=2**53)]


class Drop(operation.Shaping):
    """Positions count from 0, in the order of the dataset. Positions it does not have are passed over."""

    op: Literal["drop"] = Field(default="drop", description="Leave rows out by their positions.")
    positions: tuple[Position, ...] = Field(
        default=(), max_length=MOST_LISTED, description="The rows, counted from 0 in the order of the dataset."
    )
    positions_file: str | None = Field(
        default=None, description="Or a .npy file of the studio's with rising positions."
    )
    why: str = Field(default="", max_length=200, description="What is wrong with them, for the list of versions.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.positions) == bool(self.positions_file):
            raise ValueError("give either positions or positions_file")
        return self

    def words(self) -> str:
        count = f"{len(self.positions):,} row{'s' * (len(self.positions) != 1)}" if self.positions else "rows"
        return f"dropped {count}" + (f": {self.why}" if self.why else "")

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        (parent,) = parents
        keep = np.ones(parent.rows, dtype=np.bool_)
        listed = np.array(self.positions, dtype=np.int64)
        positions = position_file.read(Path(self.positions_file)) if self.positions_file else listed
        keep[positions[positions < parent.rows]] = False
        yield from operation.kept(workspace.read(parent), keep)
