"""Why a run or a backend is in the state it is in."""

import time

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel


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
