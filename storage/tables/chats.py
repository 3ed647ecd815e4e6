"""Chats and what was said in them."""

import time
from typing import Any

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, SQLModel

from storage.tables.columns import hidden_ids, new_id

_RATED, _VOTED = text("rating != 0"), text("better != ''")


class Chat(SQLModel, table=True):
    __table_args__ = (hidden_ids("chat"),)

    id: str = Field(default_factory=new_id, primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    title: str = ""
    branch_of: str | None = Field(default=None, index=True)  # the chat of which it keeps what stood there before
    created_at: float = Field(default_factory=time.time)
    deleted_at: float | None = None  # hidden since; removed when the time to undo is over
    deletion_id: str | None = None  # the same for what was deleted at once


class Message(SQLModel, table=True):
    """One turn. A user's turn has no side; each side of a comparison answers it.

    Of an answer: `weights` is what stood behind the model's name then, a run, run@step or base, `system` what the model
    was told, `sampling` how the answer was drawn, in the words of OpenAI's API. `rating` is 1 or -1, 0 without one.
    `better`, of a question: the side with the better answer.
    """

    # Few turns are judged, and a list of them must not read all others.
    __table_args__ = (
        Index("ix_message_rating", "id", sqlite_where=_RATED, postgresql_where=_RATED),
        Index("ix_message_better", "id", sqlite_where=_VOTED, postgresql_where=_VOTED),
        hidden_ids("message"),
    )

    id: int | None = Field(default=None, primary_key=True)
    chat_id: str = Field(foreign_key="chat.id", index=True, ondelete="CASCADE")
    side: str  # user | tuned | base
    model: str = ""
    content: str
    complete: bool = True
    created_at: float = Field(default_factory=time.time)
    weights: str = ""
    system: str = ""
    sampling: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    tokens: int | None = None
    tokens_estimated: bool = False  # counted by pieces of the stream: the server did not say
    seconds: float | None = None  # from the question to the last word
    first_token_seconds: float | None = None
    rating: int = 0
    better: str = ""  # tuned | base | tie, and empty without a vote
    deleted_at: float | None = None
    deletion_id: str | None = None
