"""Chats and what was said in them."""

import time

from sqlmodel import Field, SQLModel

from storage.tables.columns import new_id


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
