"""Chats and their messages."""

from collections.abc import Sequence

from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, col, delete, func, or_, select

from storage.run_lists.hiding import SEEING
from storage.tables import Chat, Message

_LAST_TURN = select(func.max(Message.created_at)).where(col(Message.chat_id) == Chat.id).scalar_subquery()
_ACTIVE_AT = func.coalesce(_LAST_TURN, Chat.created_at)


def latest(session: Session, project_id: str) -> Chat | None:
    """The chat in which something was said last, or one that has begun since."""
    return next((chat for chat, _ in recent(session, project_id, 1)), None)


def recent(
    session: Session, project_id: str, limit: int = 20, words: Sequence[str] = ()
) -> Sequence[tuple[Chat, float]]:
    """Chats with the time of their last turn, or of their beginning; the last one first. Branches are left out.

    With `words` those that have all of them in their title, or in one of their turns; branches too.
    """
    query = select(Chat, _ACTIVE_AT).where(Chat.project_id == project_id).order_by(_ACTIVE_AT.desc())
    if not words:
        query = query.where(col(Chat.branch_of).is_(None))
    else:
        titled = [col(Chat.title).icontains(word, autoescape=True) for word in words]
        said = [col(Message.content).icontains(word, autoescape=True) for word in words]
        saying = select(Message.chat_id).where(Message.chat_id == Chat.id, *said).exists()
        query = query.where(or_(and_(*titled), saying))
    return [(chat, float(at)) for chat, at in session.exec(query.limit(limit))]


def page(session: Session, project_id: str | None, limit: int, offset: int) -> Sequence[Chat]:
    """Chats without their branches, the last begun first."""
    query = select(Chat).where(col(Chat.branch_of).is_(None)).order_by(col(Chat.created_at).desc(), col(Chat.id))
    query = query if project_id is None else query.where(Chat.project_id == project_id)
    return session.exec(query.limit(limit).offset(offset)).all()


def count(session: Session, project_id: str | None) -> int:
    query = select(func.count()).select_from(Chat).where(col(Chat.branch_of).is_(None))
    return session.exec(query if project_id is None else query.where(Chat.project_id == project_id)).one()


def branches(session: Session, chat_id: str, limit: int) -> Sequence[tuple[Chat, str]]:
    """What was kept of a chat before it was changed, the newest first, each with the last question in it."""
    other = aliased(Message)
    last = select(func.max(col(other.id))).where(other.chat_id == Chat.id, other.side == "user").correlate(Chat)
    asked = select(Message.content).where(col(Message.id) == last.scalar_subquery()).correlate(Chat).scalar_subquery()
    query = select(Chat, asked).where(Chat.branch_of == chat_id).order_by(col(Chat.created_at).desc())
    return [(chat, str(text or "")) for chat, text in session.exec(query.limit(limit))]


def turns_of_judged(session: Session, is_vote: bool, project_id: str | None, limit: int) -> Sequence[Message]:
    """All turns of the chats in which something was voted for, or rated: chat by chat, the oldest judged turn first."""
    judged = Message.better != "" if is_vote else Message.rating != 0
    first = select(Message.chat_id, func.min(Message.id).label("judged")).where(judged)
    if project_id is not None:
        first = first.join(Chat, col(Message.chat_id) == Chat.id).where(Chat.project_id == project_id)
    judged_chats = first.group_by(col(Message.chat_id)).order_by(func.min(Message.id)).limit(limit).subquery()
    query = select(Message).join(judged_chats, col(Message.chat_id) == judged_chats.c.chat_id)
    return session.exec(query.order_by(judged_chats.c.judged, col(Message.id))).all()


def all_branches(session: Session, chat_id: str) -> Sequence[Chat]:
    return session.exec(select(Chat).where(Chat.branch_of == chat_id)).all()


def even_hidden(session: Session, chat_id: str) -> Chat | None:
    """The chat, also where it was deleted and can still be had back."""
    return session.get(Chat, chat_id, execution_options=SEEING)


def with_hidden_turns(session: Session, project_id: str | None) -> Sequence[str]:
    """Ids of the chats of which single turns were deleted and can still be had back."""
    query = select(Message.chat_id).where(col(Message.deleted_at).is_not(None)).distinct()
    ids = session.exec(query, execution_options=SEEING).all()
    there = select(Chat.id).where(col(Chat.id).in_(ids))
    return session.exec(there if project_id is None else there.where(Chat.project_id == project_id)).all()


def question_of(session: Session, answer: Message) -> Message | None:
    """What an answer answers, also where that was deleted and can still be had back."""
    query = select(Message).where(Message.chat_id == answer.chat_id, Message.side == "user")
    before = query.where(col(Message.id) < answer.id).order_by(col(Message.id).desc()).limit(1)
    return session.exec(before, execution_options=SEEING).first()


def drop_hidden(session: Session, chat_id: str, after: int | None, before: int | None = None) -> None:
    """Forgets for good the deleted turns behind one turn of a chat, and before another."""
    hidden = delete(Message).where(col(Message.chat_id) == chat_id, col(Message.deleted_at).is_not(None))
    hidden = hidden.where(col(Message.id) > after)
    session.exec(hidden if before is None else hidden.where(col(Message.id) < before))


def drop_hidden_answers(session: Session, question: Message) -> None:
    """Forgets for good the deleted answers to a question."""
    query = select(func.min(Message.id)).where(Message.chat_id == question.chat_id, Message.side == "user")
    after = query.where(col(Message.id) > question.id)
    drop_hidden(session, question.chat_id, question.id, session.exec(after, execution_options=SEEING).first())


def messages(session: Session, chat_id: str, side: str | None = None) -> Sequence[Message]:
    """The turns in order; with `side`, the user's turns and that side's answers."""
    query = select(Message).where(Message.chat_id == chat_id).order_by(col(Message.id))
    return session.exec(query.where(col(Message.side).in_(("user", side))) if side else query).all()


def clear(session: Session, chat_id: str) -> None:
    """Removes a chat's turns, and its branches with theirs."""
    family = select(Chat.id).where(or_(Chat.id == chat_id, Chat.branch_of == chat_id))
    session.exec(delete(Message).where(col(Message.chat_id).in_(family)))
    session.exec(delete(Chat).where(col(Chat.branch_of) == chat_id))
