"""Pieces of heavy work about something the studio has."""

import time
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index
from sqlmodel import Field, SQLModel

from storage.statuses import WorkStatus
from storage.tables.columns import new_id, words_of


class Work(SQLModel, table=True):
    """A piece of work about something the studio has, such as the tokens or the health of a dataset."""

    __table_args__ = (
        Index("ix_work_status_created", "status", "created_at"),
        Index("ix_work_subject_kind", "subject_id", "kind", "created_at"),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    kind: str  # names the worker
    subject_id: str  # what it is about: a dataset's id
    key: str = Field(index=True)  # sha256 of kind, subject and spec: the same work is done once
    spec: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    status: WorkStatus = Field(default=WorkStatus.QUEUED, sa_type=words_of(WorkStatus))
    progress: float | None = None  # 0 to 1; None when unknown
    stage: str = ""
    result: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    error: str | None = None
    hint: str | None = None
    attempt: int = 1
    retries: int = 1  # how often it is tried again by itself when its process dies
    events_offset: int = Field(default=0, sa_type=BigInteger)
    created_at: float = Field(default_factory=time.time)
    ended_at: float | None = None
