"""Served names, and the processes or addresses behind them."""

import time
from typing import Any

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel

from storage.statuses import EndpointStatus
from storage.tables.columns import new_id, words_of


class Endpoint(SQLModel, table=True):
    """A served name. What answers behind it is the active backend."""

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    name: str = Field(index=True)
    active_backend_id: str | None = None
    previous_backend_id: str | None = None  # what `rollback` goes back to
    canary_backend_id: str | None = None  # what answers a share of the requests, to be tried
    created_at: float = Field(default_factory=time.time)
    stopped_at: float | None = None
    idle_minutes: float | None = None  # goes to sleep after so long without a request; None: never
    last_used_at: float | None = None  # the last request for it
    asleep_at: float | None = None  # since when it sleeps, or is on its way to
    waits_since: float | None = None  # requests wait since then for what is on its way, and are not refused


class Backend(SQLModel, table=True):
    """One process, or one outside address, behind an endpoint."""

    id: str = Field(default_factory=new_id, primary_key=True)
    endpoint_id: str = Field(foreign_key="endpoint.id", index=True, ondelete="CASCADE")
    kind: str  # transformers | vllm | llama | external
    model_id: str | None = Field(default=None, foreign_key="model.id")
    adapters: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # run ids
    options: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    rollout: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # how it takes over
    outcome: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # what came of that
    status: EndpointStatus = Field(default=EndpointStatus.QUEUED, sa_type=words_of(EndpointStatus), index=True)
    address: str | None = None  # unix:/path/to/socket or http://host:port
    served_names: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    device: str | None = None
    error: str | None = None
    hint: str | None = None
    attempt: int = 1
    restarts: int = 0
    events_offset: int = Field(default=0, sa_type=BigInteger)
    created_at: float = Field(default_factory=time.time)
    ready_at: float | None = None
    ended_at: float | None = None
    moved_at: float = Field(default_factory=time.time)
