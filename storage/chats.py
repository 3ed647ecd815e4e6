"""Chats and their messages."""

from collections.abc import Sequence

from sqlmodel import Session, and_, col, delete, func, or_, select

from storage.tables import Chat, Message

_LAST_TURN = select(func.max(Message.created_at)).where(col(Message.chat_id) == Chat.id).scalar_subquery()
_ACTIVE_AT = func.coalesce(_LAST_TURN, Chat.created_at)


def latest(session: Session, project_id: str) -> Chat | None:
    """The chat in which something was said last, or one that has begun since."""
    return next((chat for chat, _ in recent(session, project_id, 1)), None)


def recent(
    session: Session, project_id: str, limit: int = 20, words: Sequence[str] = ()
) -> Sequence[tuple[Chat, float]]:
    """Chats with the time of their last turn, or of their beginning; the last one first.

    With `words` those that have all of them in their title, or in one of their turns.
    """
    query = select(Chat, _ACTIVE_AT).where(Chat.project_id == project_id).order_by(_ACTIVE_AT.desc())
    if words:
        titled = [col(Chat.title).icontains(word, autoescape=True) for word in words]
        said = [col(Message.content).icontains(word, autoescape=True) for word in words]
        saying = select(Message.chat_id).where(Message.chat_id == Chat.id, *said).exists()
        query = query.where(or_(and_(*titled), saying))
    return [(chat, float(at)) for chat, at in session.exec(query.limit(limit))]


def messages(session: Session, chat_id: str, side: str | None = None) -> Sequence[Message]:
    """The turns in order; with `side`, the user's turns and that side's answers."""
    query = select(Message).where(Message.chat_id == chat_id).order_by(col(Message.id))
    return session.exec(query.where(col(Message.side).in_(("user", side))) if side else query).all()


def clear(session: Session, chat_id: str) -> None:
    session.exec(delete(Message).where(col(Message.chat_id) == chat_id))
