"""Ways to take a trained model away that somebody has asked for."""

import time
from typing import Any

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel

from storage.tables.columns import new_id


class Export(SQLModel, table=True):
    """One thing to take away. Its files are the run's own, or what the piece of work has made."""

    id: str = Field(default_factory=new_id, primary_key=True)
    run_id: str = Field(foreign_key="run.id", index=True)  # whose weights these are; it takes its exports along
    subject: str  # as a person names it: run:ID, run:ID@STEP
    kind: str  # adapter | merged
    options: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    work_id: str | None = Field(default=None, index=True)  # what makes it; None when there is nothing to make
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)  # of the archive, where nothing has to be made
    created_at: float = Field(default_factory=time.time, index=True)
