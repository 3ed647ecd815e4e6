"""Sweeps: many trials of one recipe with other settings. Each trial is a run; these rows are all that is known."""

import time
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, text
from sqlmodel import Field, SQLModel

from storage.statuses import SweepStatus
from storage.tables.columns import hidden_ids, new_id, words_of

_THERE = text("deleted_at IS NULL")


class Sweep(SQLModel, table=True):
    """A sweep as it was asked for, and how far it is."""

    __table_args__ = (
        # A name is free again as soon as its sweep is deleted.
        Index(
            "uq_sweep_project_id_name", "project_id", "name", unique=True, sqlite_where=_THERE, postgresql_where=_THERE
        ),
        hidden_ids("sweep"),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id")
    name: str
    spec: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # engine.sweeps.spec.SweepSpec
    status: SweepStatus = Field(default=SweepStatus.QUEUED, sa_type=words_of(SweepStatus), index=True)
    # search: new settings are tried; finish: the best in full and with other seeds; extra: what a person asked for
    stage: str = "search"
    goal: int | None = None  # trials of the search that count; None: only time or tokens end it
    is_lifted: bool = False  # a person wants more: `goal` alone ends it, neither time, tokens nor patience
    question: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))  # not answered yet
    reason: str = ""  # why the search is over
    error: str | None = None
    hint: str | None = None
    created_at: float = Field(default_factory=time.time, index=True)
    moved_at: float = Field(default_factory=time.time)
    started_at: float | None = None  # since when it runs, this time
    seconds_before: float = 0.0  # how long it ran before that
    ended_at: float | None = None
    deleted_at: float | None = None  # hidden since; removed when the time to undo is over
    deletion_id: str | None = None
    let_go: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))  # its runs until then


class SweepTrial(SQLModel, table=True):
    """One trial. `run_id` names its run once that was begun; `tries` counts its runs."""

    __tablename__ = "trial"
    __table_args__ = (
        Index("ix_trial_sweep_state", "sweep_id", "state"),
        Index("ix_trial_sweep_put_away", "sweep_id", "is_put_away"),
    )

    sweep_id: str = Field(foreign_key="sweep.id", primary_key=True, ondelete="CASCADE")
    number: int = Field(primary_key=True)
    state: str = "running"  # running | complete | pruned | refused | failed
    phase: str = "search"  # search | full | repeat | warm
    params: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    of: int | None = None  # the trial that a `full` or `repeat` one repeats
    seed: int | None = Field(default=None, sa_type=BigInteger)  # of a repeat, in place of the recipe's
    run_id: str | None = Field(default=None, index=True)
    tries: int = 1
    values: list[float] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    steps: dict[str, float] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # step -> value
    judged_step: int = -1  # the last step after which the pruner was asked
    tokens: int | None = Field(default=None, sa_type=BigInteger)
    reason: str = ""  # why it was pruned, refused, or failed
    is_put_away: bool = False  # ended, its run too, and nothing of it is left to be removed
    created_at: float = Field(default_factory=time.time)
    started_at: float | None = None
    ended_at: float | None = None


class TrialPick(SQLModel, table=True):
    """A person has found the answers of one trial better than those of another one."""

    __tablename__ = "trial_pick"

    id: str = Field(default_factory=new_id, primary_key=True)
    sweep_id: str = Field(foreign_key="sweep.id", index=True, ondelete="CASCADE")
    winner: int  # number of the trial
    loser: int
    is_alike: bool = False  # neither was better
    at: float = Field(default_factory=time.time)
