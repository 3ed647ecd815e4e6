"""Base models, shared by all projects."""

import time
from typing import Any

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel

from storage.statuses import ModelStatus
from storage.tables.columns import WordsColumn, new_id, words_of


class Model(SQLModel, table=True):
    """A base model. Shared by all projects: weights are large."""

    id: str = Field(default_factory=new_id, primary_key=True)
    source: str  # starter | hub | path
    source_id: str  # hub id, folder, or the starter's name
    name: str
    path: str | None = None  # folder that transformers loads; None until ready
    status: ModelStatus = Field(default=ModelStatus.QUEUED, sa_type=words_of(ModelStatus))
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
    # What a worker found in tokenizer and chat template: engine.weights.token_facts. None until it has looked.
    token_facts: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    attempt: int = 1
    events_offset: int = Field(default=0, sa_type=BigInteger)
    created_at: float = Field(default_factory=time.time)
    tags: list[str] = Field(default_factory=list, sa_column=Column(WordsColumn, nullable=False))
    description: str = ""  # as it was written
    deleted_at: float | None = None  # hidden since; removed when the time to undo is over
    deletion_id: str | None = None  # the same for what was deleted at once
