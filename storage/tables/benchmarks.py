"""Measurements of endpoints under load, and the tuners that make several of them."""

import time
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from storage.statuses import WorkStatus
from storage.tables.columns import new_id, words_of


class Benchmark(SQLModel, table=True):
    """One measurement. It outlives its endpoint, so it says itself what was measured."""

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    endpoint_id: str = Field(index=True)
    endpoint_name: str
    model: str  # the served name that was asked
    through: str = "backend"  # backend | gateway
    load: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # engine.benchmarks.load.Load
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    status: WorkStatus = Field(default=WorkStatus.RUNNING, sa_type=words_of(WorkStatus), index=True)
    result: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    error: str | None = None
    hint: str | None = None
    work_id: str | None = Field(default=None, index=True)
    key_id: str | None = None  # the API key it asks the gateway with; revoked at the end
    created_at: float = Field(default_factory=time.time, index=True)
    ended_at: float | None = None


class Tuner(SQLModel, table=True):
    """Options of an endpoint tried one after another, each by a temporary endpoint and a benchmark."""

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    endpoint_id: str = Field(index=True)
    endpoint_name: str
    load: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    in_place: bool = False  # the endpoint rests meanwhile, where memory fits one only
    backend: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # kind, model_id, adapters, options
    variants: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))  # options, then what was found
    stage: str = "starting"  # starting | waiting | measuring | ending | returning | over
    status: WorkStatus = Field(default=WorkStatus.RUNNING, sa_type=words_of(WorkStatus), index=True)
    position: int = 0
    trial_id: str | None = None  # the temporary endpoint
    benchmark_id: str | None = None
    error: str | None = None
    hint: str | None = None
    created_at: float = Field(default_factory=time.time, index=True)
    moved_at: float = Field(default_factory=time.time)
    ended_at: float | None = None
    applied_at: float | None = None
