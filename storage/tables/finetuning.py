"""Files and jobs of OpenAI's fine-tuning API: a thin layer over datasets and runs."""

import time
from secrets import token_hex
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index
from sqlmodel import Field, SQLModel


def _new_file_id() -> str:
    return f"file-{token_hex(12)}"


def _new_job_id() -> str:
    return f"ftjob-{token_hex(12)}"


class TuningFile(SQLModel, table=True):
    """A file that came by /v1/files, and the dataset that was made of it."""

    __tablename__ = "tuning_file"

    id: str = Field(default_factory=_new_file_id, primary_key=True)
    dataset_id: str = Field(foreign_key="dataset.id", index=True, ondelete="CASCADE")
    filename: str
    size_bytes: int = Field(default=0, sa_type=BigInteger)
    created_at: float = Field(default_factory=time.time, index=True)
    deleted_at: float | None = None  # deleted there, while a run still needs its dataset


class TuningJob(SQLModel, table=True):
    """What was asked of /v1/fine_tuning/jobs, and the run that does it. A run that is deleted leaves its job."""

    __tablename__ = "tuning_job"
    __table_args__ = (Index("ix_tuning_job_stage_asked", "stage", "asked"),)

    id: str = Field(default_factory=_new_job_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    model: str  # as it was named
    model_id: str
    start_from: str = ""  # the run whose weights it goes on from
    model_name: str = Field(unique=True)  # what /v1 calls the result
    training_file: str
    validation_file: str | None = None
    dataset_id: str  # of the training file
    validation_dataset_id: str | None = None
    joined_dataset_id: str | None = None  # of both
    method: str  # supervised | dpo
    hyperparameters: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    suffix: str | None = None
    seed: int = Field(sa_type=BigInteger)
    labels: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # OpenAI's metadata
    stage: str = "validating"  # validating | started | failed | cancelled
    asked: str = ""  # cancel | pause | resume: not done yet. paused: done
    run_id: str | None = Field(default=None, index=True)
    error: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True))
    )  # code, message, param
    idempotency_key: str | None = Field(default=None, unique=True)
    created_at: float = Field(default_factory=time.time, index=True)
    ended_at: float | None = None
