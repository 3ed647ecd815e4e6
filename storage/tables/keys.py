"""API keys, of which only a hash is kept."""

import time

from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel

from storage.tables.columns import new_id


class ApiKey(SQLModel, table=True):
    """A key for the REST API and /v1. The secret is shown once; only its sha256 is kept."""

    id: str = Field(default_factory=new_id, primary_key=True)
    name: str
    sha256: str = Field(unique=True)
    scope: str = "inference"  # inference: /v1 only | all: the whole REST API
    models: list[str] | None = Field(default=None, sa_column=Column(JSON, nullable=True))  # None: every model
    requests_per_minute: int | None = None
    tokens_per_day: int | None = Field(default=None, sa_type=BigInteger)
    expires_at: float | None = None
    created_at: float = Field(default_factory=time.time)
    last_used_at: float | None = None
    revoked_at: float | None = None
