"""Versions of datasets, in families."""

import time
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, event
from sqlmodel import Field, SQLModel

from storage.statuses import DatasetStatus
from storage.tables.columns import WordsColumn, new_id, words_of


class Dataset(SQLModel, table=True):
    """Rows to learn from. Never changed once ready: a change makes a new version, in the same family."""

    __table_args__ = (
        Index("ix_dataset_family_version", "family_id", "version", unique=True),
        Index("ix_dataset_project_created", "project_id", "created_at", "family_id", "version"),
        Index("ix_dataset_status_created", "status", "created_at"),
    )

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id")
    name: str
    status: DatasetStatus = Field(default=DatasetStatus.IMPORTING, sa_type=words_of(DatasetStatus))
    source: str = "upload"  # upload | path | paste | hub | lesson | chat | shape
    source_name: str = ""  # the file's own name, or the hub id
    origin: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # hub id, files ...
    family_id: str = ""  # the id of its first version; set when added
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
    tags: list[str] = Field(default_factory=list, sa_column=Column(WordsColumn, nullable=False))
    description: str = ""  # as it was written; with the name and tags the same in all versions of a family
    deleted_at: float | None = None  # hidden since; removed when the time to undo is over
    deletion_id: str | None = None  # the same for what was deleted at once

    @property
    def encoding(self) -> str | None:
        """What its text was read as, such as cp949; separated by commas where files differ. None without text."""
        files = self.origin.get("files", [])
        return ", ".join(dict.fromkeys(str(file["encoding"]) for file in files if file.get("encoding"))) or None

    @property
    def encodings(self) -> list[dict[str, str]]:
        """The encodings to choose from, each with its label and a sample, where it is not clear which one it is."""
        return list(self.origin.get("encodings", []))

    @property
    def train_rows(self) -> int:
        """The rows that are trained on: `accepted` are those that took no repair."""
        return self.accepted + self.repaired


@event.listens_for(Dataset, "before_insert")
def _begins_a_family(_mapper: object, _connection: object, dataset: Dataset) -> None:
    dataset.family_id = dataset.family_id or dataset.id
