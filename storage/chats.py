"""Chats and their messages."""

from collections.abc import Sequence

from sqlmodel import Session, col, delete, select

from storage.tables import Chat, Message


def latest(session: Session, project_id: str) -> Chat | None:
    return session.exec(select(Chat).where(Chat.project_id == project_id).order_by(col(Chat.created_at).desc())).first()


def recent(session: Session, project_id: str, limit: int = 20) -> Sequence[Chat]:
    query = select(Chat).where(Chat.project_id == project_id).order_by(col(Chat.created_at).desc())
    return session.exec(query.limit(limit)).all()


def messages(session: Session, chat_id: str, side: str | None = None) -> Sequence[Message]:
    """The turns in order; with `side`, the user's turns and that side's answers."""
    query = select(Message).where(Message.chat_id == chat_id).order_by(col(Message.id))
    return session.exec(query.where(col(Message.side).in_(("user", side))) if side else query).all()


def clear(session: Session, chat_id: str) -> None:
    session.exec(delete(Message).where(col(Message.chat_id) == chat_id))
