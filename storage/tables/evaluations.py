"""Comparisons of two models on the same rows: the reports of runs, and what a person asks for."""

import time
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from storage.statuses import WorkStatus
from storage.tables.columns import hidden_ids, new_id, words_of


class Evaluation(SQLModel, table=True):
    """One comparison. It outlives what it compares, but for the report of a run, which goes with its run."""

    __table_args__ = (
        Index("ix_evaluation_status_created", "status", "created_at"),
        Index("ix_evaluation_run_created", "run_id", "created_at"),
        hidden_ids("evaluation"),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    name: str
    kind: str = "report"
    subject: str  # run:ID, run:ID@STEP, model:ID ...
    against: str  # the same; what the subject is compared with
    dataset_id: str | None = None  # a dataset of its own; None: the rows that the subject's run held out
    limit: int | None = None  # rows at most; None: as many as a bounded time allows
    all_rows: bool = False
    seed: int = 0
    run_id: str | None = None  # whose report this is
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    status: WorkStatus = Field(default=WorkStatus.QUEUED, sa_type=words_of(WorkStatus))
    result: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    error: str | None = None
    hint: str | None = None
    work_id: str | None = Field(default=None, index=True)
    created_at: float = Field(default_factory=time.time, index=True)
    ended_at: float | None = None
    deleted_at: float | None = None  # hidden since; removed when the time to undo is over
    deletion_id: str | None = None
