"""What belongs to lists of runs: views that a project keeps, and what can be undone."""

import time
from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.columns import new_id


class SavedView(SQLModel, table=True):
    """A list's filters, order and columns under a name, as the address has them."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id")
    name: str
    query: str
    created_at: float = Field(default_factory=time.time)


class RunUndo(SQLModel, table=True):
    """A change of runs that can be taken back for a while: run id -> column -> [before, after]."""

    __tablename__ = "run_undo"

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    words: str  # what was done, for the person who may undo it
    changes: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    at: float = Field(default_factory=time.time, index=True)
