"""What came through /v1: each request for a while, and the sums of each day for good."""

import time

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class LoggedRequest(SQLModel, table=True):
    """One request to /v1 and what became of it. Kept for some weeks; ids of keys and endpoints may be of gone ones."""

    id: int | None = Field(default=None, primary_key=True)
    at: float = Field(default_factory=time.time, index=True)
    key_id: str = Field(default="", index=True)  # "" is the studio's owner: a browser's session, or the token
    endpoint_id: str = ""
    model: str
    route: str  # chat/completions, completions, embeddings, responses
    stream: bool = False
    status: int  # as HTTP has it; 502 or 504 for a stream that broke off, 499 where the client left
    seconds: float
    first_token_seconds: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False  # whether the tokens were guessed, because the backend did not say
    question: str | None = None  # the request's body and the answer's text: only where content is kept
    answer: str | None = None


class Usage(SQLModel, table=True):
    """The sums of one day, key and model. Never deleted: the request log is, and a budget must outlive it."""

    day: str = Field(primary_key=True)  # 2026-11-29, UTC
    key_id: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    requests: int = Field(default=0, sa_type=BigInteger)
    errors: int = Field(default=0, sa_type=BigInteger)
    estimated: int = Field(default=0, sa_type=BigInteger)  # requests whose tokens were guessed
    prompt_tokens: int = Field(default=0, sa_type=BigInteger)
    completion_tokens: int = Field(default=0, sa_type=BigInteger)
