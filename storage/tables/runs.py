"""Executions of a recipe, and the numbers they report."""

import time
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, Connection, Index, event, text, true, type_coerce
from sqlalchemy.orm import Mapper, column_property
from sqlmodel import Field, SQLModel, col

from storage.statuses import RUN_ALIVE, RunStatus
from storage.tables.columns import WordsColumn, new_id, words_of
from storage.tables.run_facts import RunFacts, RunFactsColumn

_WAS_DELETED = text("deleted_at IS NOT NULL")
_HAS_NOTE = text("note != ''")


def _as_it_came(context: Any) -> float:
    """Behind all that came before."""
    return float(context.get_current_parameters()["created_at"])


class Run(SQLModel, table=True):
    __table_args__ = (
        Index("ix_run_project_created", "project_id", "created_at"),
        Index("ix_run_status_created", "status", "created_at", "deleted_at"),
        Index("ix_run_next", "status", "hold", "rank", "position", "created_at"),
        Index("ix_run_line", "status", "rank", "position", "created_at"),
        Index("ix_run_sweep_created", "sweep_id", "created_at"),
        # All that lists filter and sort by: of 10,000 runs only this is read, not rows of kilobytes.
        Index(
            "ix_run_list", "project_id", "deleted_at", "archived", "created_at", "id", "name", "status", "method",
            "model_id", "dataset_id", "favourite", "tags", "step", "loss", "tokens_per_second", "started_at",
            "ended_at", "sweep_id",
        ),
        # Only of some rows; on PostgreSQL too, by the migrations: said here, every start would import its driver.
        # Of those that were deleted: one of all runs would be taken for `deleted_at IS NULL`, true of most.
        Index("ix_run_deleted", "deleted_at", sqlite_where=_WAS_DELETED),
        Index("ix_run_noted", "id", sqlite_where=_HAS_NOTE),  # a search reads these notes
    )  # fmt: skip

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id")
    name: str
    model_id: str = Field(foreign_key="model.id", index=True)
    dataset_id: str = Field(foreign_key="dataset.id", index=True)
    recipe: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # the Recipe, exactly as submitted
    status: RunStatus = Field(default=RunStatus.QUEUED, sa_type=words_of(RunStatus))
    step: int = 0
    max_steps: int | None = None  # known once the worker has counted its batches
    loss: float | None = None
    tokens_per_second: float | None = None
    eta_seconds: float | None = None
    facts: RunFacts = Field(default_factory=RunFacts, sa_column=Column(RunFactsColumn, nullable=False))
    artifact: str | None = None  # adapter or model folder, relative to the run's folder; set when verified
    error: str | None = None
    hint: str | None = None
    device: str | None = None  # what the broker gave it: cpu, gpu:0 ...
    attempt: int = 1
    auto_resumes: int = 0
    last_failure: str | None = None  # signature of the last failure and the step it came at
    events_offset: int = Field(default=0, sa_type=BigInteger)
    samples_offset: int = Field(default=0, sa_type=BigInteger)  # of machine.jsonl, read so far
    idempotency_key: str | None = Field(default=None, unique=True)
    created_at: float = Field(default_factory=time.time, index=True)
    started_at: float | None = None  # this attempt; none before its first process
    ended_at: float | None = Field(default=None, index=True)
    moved_at: float = Field(default_factory=time.time)
    # How it stands in the queue: by rank, then by position, then as they came; the smallest first.
    rank: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # minus its priority: indexes ascend
    position: float = Field(default=None, sa_column_kwargs={"default": _as_it_came, "server_default": "0"})
    after_run_id: str | None = Field(default=None, index=True)  # it starts after that run's end
    after_success: bool = Field(default=True, sa_column_kwargs={"server_default": true()})  # only if that succeeded
    hold: str = Field(default="", sa_column_kwargs={"server_default": ""})  # why it may not start: storage.queued
    method: str = ""  # the recipe's, for lists; set when the row is inserted
    tags: list[str] = Field(default_factory=list, sa_column=Column(WordsColumn, nullable=False))
    note: str = ""  # Markdown, as it was written
    favourite: bool = False
    archived: bool = False
    sweep_id: str | None = None  # the sweep that it is a trial of
    deleted_at: float | None = None  # hidden since; removed when the time to undo is over
    seconds_before: ClassVar[float | None]  # the fact, read by lists too; never read of a first attempt

    @property
    def seconds(self) -> float | None:
        """How long its processes ran, all attempts together; None before the first one."""
        before = (self.seconds_before or 0.0) if self.attempt > 1 else 0.0
        until = time.time() if self.status in RUN_ALIVE else self.ended_at
        if self.started_at is None or until is None:
            return before or None
        return before + max(0.0, until - self.started_at)

    @property
    def origins(self) -> dict[str, str]:
        """Where the values of its recipe came from, as far as they are not the default."""
        return self.facts.origins

    @property
    def priority(self) -> int:
        """The greater, the earlier it starts; 0 unless somebody has changed it."""
        return -self.rank

    @property
    def repeats(self) -> str | None:
        """The run whose recipe it began with."""
        return self.facts.repeats


_SECONDS_BEFORE: Any = column_property(type_coerce(col(Run.facts), JSON)["seconds_before"].as_float())
Run.seconds_before = _SECONDS_BEFORE


@event.listens_for(Run, "before_insert")
def _method_of(_mapper: Mapper[Run], _connection: Connection, run: Run) -> None:
    run.method = str(run.recipe.get("method", ""))


class Metric(SQLModel, table=True):
    __table_args__ = {"sqlite_with_rowid": False}

    run_id: str = Field(foreign_key="run.id", primary_key=True, ondelete="CASCADE")
    name: str = Field(primary_key=True)
    step: int = Field(primary_key=True)
    value: float


class Sample(SQLModel, table=True):
    """What the weights of one step say to one fixed prompt, the prompts of a run counted from 0."""

    __table_args__ = (Index("ix_sample_run_number_step", "run_id", "number", "step"),)

    run_id: str = Field(foreign_key="run.id", primary_key=True, ondelete="CASCADE")
    step: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    prompt: str
    answer: str
    tokens: int
    is_cut: bool = False  # the answer had not come to its end


class MetricSummary(SQLModel, table=True):
    """A metric of a run in short, kept up by `storage.run_lists.summaries`: lists sort by it."""

    __tablename__ = "metric_summary"
    __table_args__ = {"sqlite_with_rowid": False}

    name: str = Field(primary_key=True)
    run_id: str = Field(foreign_key="run.id", primary_key=True, index=True, ondelete="CASCADE")
    last: float
    last_step: int
    least: float
    least_step: int  # the first with that value
    greatest: float
    greatest_step: int
