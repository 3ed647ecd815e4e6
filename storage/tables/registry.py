"""The registry: models by name, their numbered versions, the aliases that lead to one, and who moved them."""

import time
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.columns import new_id


class RegisteredModel(SQLModel, table=True):
    """A model with a name, kept in numbered versions."""

    __tablename__ = "registered_model"

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    name: str = Field(unique=True)  # a part of addresses: version:NAME/3
    note: str = ""
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    versions_made: int = 0  # a number is never given twice, not after a version was deleted either
    created_at: float = Field(default_factory=time.time)
    updated_at: float = Field(default_factory=time.time, index=True)


class ModelVersion(SQLModel, table=True):
    """What one version is. Its weights stay where they are: in the run, the export or the model that it holds."""

    __tablename__ = "model_version"
    __table_args__ = (UniqueConstraint("registered_id", "number"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    registered_id: str = Field(foreign_key="registered_model.id", index=True, ondelete="CASCADE")
    number: int  # from 1
    kind: str  # adapter | merged | quantized | gguf | imported
    stage: str = "new"  # new | tested | released | retired
    note: str = ""
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    run_id: str | None = Field(default=None, foreign_key="run.id", index=True)  # what it holds: one of these three,
    export_id: str | None = Field(default=None, foreign_key="export.id", index=True)  # an export with its run
    model_id: str | None = Field(default=None, foreign_key="model.id", index=True)
    lineage: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))  # base, dataset, recipe as they were then
    files: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))  # name: size, sha256
    size_bytes: int = Field(default=0, sa_type=BigInteger)
    work_id: str | None = None  # what reads its files now
    checked_at: float | None = None  # when they were last read and compared
    changed: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # found then, in words
    created_at: float = Field(default_factory=time.time)


class ModelAlias(SQLModel, table=True):
    """A word that leads to one version, such as production."""

    __tablename__ = "model_alias"

    registered_id: str = Field(foreign_key="registered_model.id", primary_key=True, ondelete="CASCADE")
    alias: str = Field(primary_key=True)
    version_id: str = Field(foreign_key="model_version.id", index=True)
    moved_at: float = Field(default_factory=time.time)


class AliasFollower(SQLModel, table=True):
    """An endpoint that serves whatever an alias leads to."""

    __tablename__ = "alias_follower"

    endpoint_id: str = Field(foreign_key="endpoint.id", primary_key=True, ondelete="CASCADE")
    registered_id: str = Field(foreign_key="registered_model.id", index=True, ondelete="CASCADE")
    alias: str
    version_id: str | None = None  # what it was last deployed with
    backend_id: str | None = None  # by which backend
    error: str | None = None  # why it could not be deployed
    hint: str | None = None


class RegistryMove(SQLModel, table=True):
    """One line of a model's log: what was done, by whom and why."""

    __tablename__ = "registry_move"

    id: int | None = Field(default=None, primary_key=True)
    registered_id: str = Field(foreign_key="registered_model.id", index=True, ondelete="CASCADE")
    at: float = Field(default_factory=time.time)
    action: str  # moved | removed | kept | deleted | changed
    alias: str = ""
    before: int | None = None  # numbers of versions
    after: int | None = None
    who: str = ""
    why: str = ""
    gate: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))  # asked, and found
