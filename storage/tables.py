"""The studio's tables: what exists, and how one thing leads to the next.

Project -> Dataset -> Run -> Metric, Transition        Model -> Run       Dataset -> Work
           Run -> Endpoint -> Backend -> Transition    Project -> Chat -> Message

Times are seconds since 1970 (UTC). Ids are known before a row is saved.
"""

import time
from enum import StrEnum
from secrets import token_hex
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Enum, Index, UniqueConstraint, event
from sqlmodel import Field, SQLModel

from storage.statuses import DatasetStatus, EndpointStatus, ModelStatus, RunStatus, WorkStatus

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

DEFAULT_PROJECT = "default"


def new_id() -> str:
    """Twelve hexadecimal digits: short enough for a URL, unique for any number of rows a studio will hold."""
    return token_hex(6)


def _words(statuses: type[StrEnum]) -> Enum:
    """A column that holds the words themselves, so that a later status needs no change of the schema."""
    return Enum(statuses, native_enum=False, length=16, values_callable=lambda members: [m.value for m in members])


class Project(SQLModel, table=True):
    id: str = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)
    archived: bool = False
    created_at: float = Field(default_factory=time.time)


class Model(SQLModel, table=True):
    """A base model. Shared by all projects: weights are large."""

    id: str = Field(default_factory=new_id, primary_key=True)
    source: str  # starter | hub | path
    source_id: str  # hub id, folder, or the starter's name
    name: str
    path: str | None = None  # folder that transformers loads; None until ready
    status: ModelStatus = Field(default=ModelStatus.QUEUED, sa_type=_words(ModelStatus))
    progress: float | None = None  # 0 to 1; None when unknown
    stage: str = ""  # what is going on, in a few words
    error: str | None = None
    hint: str | None = None
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)
    parameters: int | None = Field(default=None, sa_type=BigInteger)
    context_length: int | None = None
    architecture: str | None = None
    licence: str | None = None
    has_chat_template: bool | None = None
    trainable: bool | None = None
    untrainable_reason: str | None = None
    revision: str | None = None
    attempt: int = 1
    events_offset: int = Field(default=0, sa_type=BigInteger)
    created_at: float = Field(default_factory=time.time)


class Dataset(SQLModel, table=True):
    """Rows to learn from. Never changed once ready: a change makes a new version, in the same family."""

    __table_args__ = (Index("ix_dataset_status_created", "status", "created_at"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    name: str
    status: DatasetStatus = Field(default=DatasetStatus.IMPORTING, sa_type=_words(DatasetStatus))
    source: str = "upload"  # upload | path | paste | hub | lesson | chat | shape
    source_name: str = ""  # the file's own name, or the hub id
    origin: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # hub id, files ...
    family_id: str = Field(default="", index=True)  # the id of its first version; set when added
    version: int = 1
    parents: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # what it was made from
    operation: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))  # how
    mapping: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))  # in force
    columns: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # names in the file
    confidence: float | None = None  # share of the rows looked at that are in `format`
    format: str | None = None  # alpaca, messages, prompt_completion, text ...
    kind: str | None = None  # chat | completion | text | preference | unpaired | prompt | stepwise
    sha256: str | None = None  # of the columnar file: names the blob
    progress: float | None = None
    rows: int = 0
    accepted: int = 0
    repaired: int = 0
    rejected: int = 0
    size_bytes: int = Field(default=0, sa_type=BigInteger)
    error: str | None = None
    hint: str | None = None
    attempt: int = 1
    events_offset: int = Field(default=0, sa_type=BigInteger)
    created_at: float = Field(default_factory=time.time)

    @property
    def train_rows(self) -> int:
        """The rows that are trained on: `accepted` are those that took no repair."""
        return self.accepted + self.repaired


@event.listens_for(Dataset, "before_insert")
def _begins_a_family(_mapper: object, _connection: object, dataset: Dataset) -> None:
    dataset.family_id = dataset.family_id or dataset.id


class Work(SQLModel, table=True):
    """A piece of work about something the studio has, such as the tokens or the health of a dataset."""

    __table_args__ = (Index("ix_work_status_created", "status", "created_at"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    kind: str  # names the worker
    subject_id: str = Field(index=True)  # what it is about: a dataset's id
    key: str = Field(index=True)  # sha256 of kind, subject and spec: the same work is done once
    spec: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    status: WorkStatus = Field(default=WorkStatus.QUEUED, sa_type=_words(WorkStatus))
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


class Run(SQLModel, table=True):
    __table_args__ = (
        Index("ix_run_project_created", "project_id", "created_at"),
        Index("ix_run_status_created", "status", "created_at"),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id")
    name: str
    model_id: str = Field(foreign_key="model.id", index=True)
    dataset_id: str = Field(foreign_key="dataset.id", index=True)
    recipe: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # the Recipe, exactly as submitted
    status: RunStatus = Field(default=RunStatus.QUEUED, sa_type=_words(RunStatus))
    step: int = 0
    max_steps: int | None = None  # known once the worker has counted its batches
    loss: float | None = None
    tokens_per_second: float | None = None
    eta_seconds: float | None = None
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    artifact: str | None = None  # adapter or model folder, relative to the run's folder; set when verified
    error: str | None = None
    hint: str | None = None
    device: str | None = None  # what the broker gave it: cpu, gpu:0 ...
    attempt: int = 1
    auto_resumes: int = 0
    last_failure: str | None = None  # signature of the last failure and the step it came at
    events_offset: int = Field(default=0, sa_type=BigInteger)
    idempotency_key: str | None = Field(default=None, unique=True)
    created_at: float = Field(default_factory=time.time)
    started_at: float | None = None
    ended_at: float | None = Field(default=None, index=True)
    moved_at: float = Field(default_factory=time.time)

    @property
    def origins(self) -> dict[str, str]:
        """Where the values of its recipe came from, as far as they are not the default."""
        return dict(self.facts.get("origins") or {})

    @property
    def repeats(self) -> str | None:
        """The run whose recipe it began with."""
        return self.facts.get("repeats")


class Metric(SQLModel, table=True):
    __table_args__ = {"sqlite_with_rowid": False}

    run_id: str = Field(foreign_key="run.id", primary_key=True, ondelete="CASCADE")
    name: str = Field(primary_key=True)
    step: int = Field(primary_key=True)
    value: float


class Transition(SQLModel, table=True):
    """Every change of status, of runs and backends: the studio's log of decisions."""

    __table_args__ = (UniqueConstraint("subject_id", "attempt", "before", "after", "sequence"),)

    id: int | None = Field(default=None, primary_key=True)
    subject_id: str = Field(index=True)
    attempt: int
    sequence: int  # how often this subject had moved before
    before: str
    after: str
    reason: str = ""
    at: float = Field(default_factory=time.time)


class Endpoint(SQLModel, table=True):
    """A served name. What answers behind it is the active backend."""

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    name: str = Field(index=True)
    active_backend_id: str | None = None
    previous_backend_id: str | None = None  # what `rollback` goes back to
    created_at: float = Field(default_factory=time.time)
    stopped_at: float | None = None


class Backend(SQLModel, table=True):
    """One process, or one outside address, behind an endpoint."""

    id: str = Field(default_factory=new_id, primary_key=True)
    endpoint_id: str = Field(foreign_key="endpoint.id", index=True, ondelete="CASCADE")
    kind: str  # transformers | vllm | external
    model_id: str | None = Field(default=None, foreign_key="model.id")
    adapters: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # run ids
    options: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    status: EndpointStatus = Field(default=EndpointStatus.QUEUED, sa_type=_words(EndpointStatus), index=True)
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


class Lease(SQLModel, table=True):
    """Who holds a device now. Given out and taken back by engine.process.devices."""

    holder_id: str = Field(primary_key=True)
    holder_kind: str  # run | backend | work
    device: str = Field(index=True)
    exclusive: bool = True
    since: float = Field(default_factory=time.time)


class Lesson(SQLModel, table=True):
    """The first lesson of a project, on its way from the starter model to a chat. `stage` says where it is."""

    project_id: str = Field(foreign_key="project.id", primary_key=True)
    stage: str = "fetching"  # fetching | importing | training | serving | ready | failed
    model_id: str | None = None
    dataset_id: str | None = None
    run_id: str | None = None
    endpoint_id: str | None = None
    error: str | None = None
    created_at: float = Field(default_factory=time.time)


class ApiKey(SQLModel, table=True):
    """A key for the REST API and /v1. The secret is shown once; only its sha256 is kept."""

    id: str = Field(default_factory=new_id, primary_key=True)
    name: str
    sha256: str = Field(unique=True)
    scope: str = "inference"  # inference: /v1 only | all: the whole REST API
    created_at: float = Field(default_factory=time.time)
    last_used_at: float | None = None
    revoked_at: float | None = None


class Chat(SQLModel, table=True):
    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    title: str = ""
    created_at: float = Field(default_factory=time.time)


class Message(SQLModel, table=True):
    """One turn. A user's turn has no side; each side of a comparison answers it."""

    id: int | None = Field(default=None, primary_key=True)
    chat_id: str = Field(foreign_key="chat.id", index=True, ondelete="CASCADE")
    side: str  # user | tuned | base
    model: str = ""
    content: str
    complete: bool = True
    created_at: float = Field(default_factory=time.time)
