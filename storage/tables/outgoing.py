"""What goes to people outside the window: notifications, where they go, each delivery, links to runs and chats."""

import time
from typing import Any

from sqlalchemy import JSON, Column, Index
from sqlmodel import Field, SQLModel

from storage.tables.columns import new_id


class Notification(SQLModel, table=True):
    """Something a person may want to be told, once. `key` says what it is about: the same twice is one."""

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    kind: str
    run_id: str | None = Field(default=None, index=True)  # no foreign key: it outlives the run
    title: str
    text: str = ""
    shown: bool = True  # in the window; otherwise it is here for its deliveries alone
    at: float = Field(default_factory=time.time)
    read_at: float | None = None


class NotificationSink(SQLModel, table=True):
    """Where notifications go outside the window. Its secrets are in a file of their own, see engine.notifications."""

    __tablename__ = "notification_sink"

    id: str = Field(default_factory=new_id, primary_key=True)
    name: str
    service: str  # webhook | slack | discord | teams | ntfy | email | apprise
    kinds: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    enabled: bool = True
    options: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))  # nothing secret
    created_at: float = Field(default_factory=time.time)


class Delivery(SQLModel, table=True):
    """One notification on its way to one sink: waiting -> sending -> sent | waiting again | failed."""

    __table_args__ = (Index("ix_delivery_state_due", "state", "due_at"),)

    id: int | None = Field(default=None, primary_key=True)
    message_id: str = Field(unique=True)  # the same at every try, so that a receiver knows a repetition
    notification_id: int = Field(foreign_key="notification.id", index=True, ondelete="CASCADE")
    sink_id: str = Field(foreign_key="notification_sink.id", index=True, ondelete="CASCADE")
    state: str = "waiting"
    attempts: int = 0
    due_at: float = Field(default_factory=time.time)
    begun_at: float | None = None  # when the last try began
    ended_at: float | None = None
    outcome: str = ""  # of the last try, in words


class NotificationState(SQLModel, table=True):
    """One row: what is set for all notifications, and how far the log of transitions was read."""

    __tablename__ = "notification_state"

    id: int = Field(default=1, primary_key=True)
    seen_transition: int = 0
    allow_private: bool = False
    address: str = ""  # of this studio, for links in messages
    in_app: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # kinds
    browser: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # kinds
    disk_low_gb: float = 5.0
    disk_is_low: bool = False


class LiveLink(SQLModel, table=True):
    """An address that shows one run, or one chat, without a login. Only the token's sha256 is kept."""

    __tablename__ = "live_link"

    id: str = Field(default_factory=new_id, primary_key=True)
    run_id: str | None = Field(default=None, foreign_key="run.id", index=True, ondelete="CASCADE")
    chat_id: str | None = Field(default=None, foreign_key="chat.id", index=True, ondelete="CASCADE")
    sha256: str = Field(unique=True)
    created_at: float = Field(default_factory=time.time)
    expires_at: float
    revoked_at: float | None = None
