"""The adapters that a backend was given while it runs, or when it came up."""

import time

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from storage.statuses import AdapterStatus
from storage.tables.columns import new_id, words_of


class ServedAdapter(SQLModel, table=True):
    """One load of one adapter into one backend. Which public names lead to it is said by `Backend.adapters`."""

    __tablename__ = "served_adapter"

    id: str = Field(default_factory=new_id, primary_key=True)
    backend_id: str = Field(foreign_key="backend.id", index=True, ondelete="CASCADE")
    subject: str  # RUN, or RUN@STEP for a checkpoint
    internal_name: str = ""  # what the server calls it; a new one for each load
    attempt: int = 0  # of the backend, whose process holds it
    status: AdapterStatus = Field(default=AdapterStatus.LOADING, sa_type=words_of(AdapterStatus), index=True)
    digest: str = ""  # sha256 of its configuration and weights, as they were checked and copied
    rank: int | None = None
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)  # in the server's memory
    load_seconds: float | None = None
    error: str | None = None
    created_at: float = Field(default_factory=time.time)
    moved_at: float = Field(default_factory=time.time)
