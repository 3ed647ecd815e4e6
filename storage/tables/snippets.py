"""Snippets: code that was kept, and every version of it."""

import time
from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.columns import hidden_ids, new_id


class Snippet(SQLModel, table=True):
    """Code with a name. Its files are in its versions."""

    __table_args__ = (hidden_ids("snippet"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    name: str
    language: str
    task: str = ""
    created_at: float = Field(default_factory=time.time)
    updated_at: float = Field(default_factory=time.time, index=True)
    deleted_at: float | None = None  # hidden since; removed when the time to undo is over
    deletion_id: str | None = None


class SnippetVersion(SQLModel, table=True):
    """The files as they were at one time, and where they came from. Never changed."""

    __tablename__ = "snippet_version"
    __table_args__ = (UniqueConstraint("snippet_id", "number"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    snippet_id: str = Field(foreign_key="snippet.id", index=True, ondelete="CASCADE")
    number: int  # from 1
    files_json: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))  # texts by names
    note: str = ""
    model: str = ""  # who wrote it; empty for a person
    action: str = ""
    answer: str = ""  # the model's words
    result_json: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))  # of a run
    created_at: float = Field(default_factory=time.time)
