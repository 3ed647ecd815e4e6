"""Notifications, and the one row of their settings."""

import time
from collections.abc import Sequence

from sqlalchemy import and_, case, func, update
from sqlmodel import Session, col, delete, select

from storage.tables import Notification, NotificationState, Transition

STATE_ID = 1

_SHOWN = func.sum(case((col(Notification.shown).is_(True), 1), else_=0))
_UNREAD_OF_ALL = func.sum(
    case((and_(col(Notification.read_at).is_(None), col(Notification.shown).is_(True)), 1), else_=0)
)
# Every open page asks for this every few seconds, so the statement is built once.
_SIGNATURE = select(func.max(Notification.id), _SHOWN, _UNREAD_OF_ALL)
_UNREAD = (col(Notification.read_at).is_(None), col(Notification.shown).is_(True))


def newest(session: Session, limit: int, offset: int = 0) -> Sequence[Notification]:
    """Those that the window shows, the newest first."""
    query = select(Notification).where(col(Notification.shown).is_(True)).order_by(col(Notification.id).desc())
    return session.exec(query.offset(offset).limit(limit)).all()


def count(session: Session) -> int:
    return session.scalar(select(func.count()).where(col(Notification.shown).is_(True))) or 0


def signature(session: Session) -> tuple[int, int, int]:
    """What changes whenever the list in the window does: the newest of all, how many are shown, how many unread."""
    row = session.execute(_SIGNATURE).one()
    return row[0] or 0, row[1] or 0, row[2] or 0


def count_all(session: Session) -> int:
    """With those that the window does not show."""
    return session.scalar(select(func.count()).select_from(Notification)) or 0


def known(session: Session, key: str) -> bool:
    return session.scalar(select(Notification.id).where(Notification.key == key)) is not None


def last_of(session: Session, run_id: str, kind: str) -> Notification | None:
    """The newest notification of a kind about a run."""
    about = (Notification.run_id == run_id, Notification.kind == kind)
    return session.exec(select(Notification).where(*about).order_by(col(Notification.id).desc()).limit(1)).first()


def mark_read(session: Session, notification_id: int | None = None) -> None:
    """Marks one as read, or all."""
    which = () if notification_id is None else (col(Notification.id) == notification_id,)
    session.execute(update(Notification).where(*_UNREAD, *which).values(read_at=time.time()))


def drop_old(session: Session, keep: int) -> None:
    """Deletes all but the newest `keep`, with their deliveries."""
    oldest = session.scalar(select(Notification.id).order_by(col(Notification.id).desc()).offset(keep - 1).limit(1))
    if oldest is not None:
        session.execute(delete(Notification).where(col(Notification.id) < oldest))


def state(session: Session) -> NotificationState | None:
    """The settings; None before the first round."""
    return session.get(NotificationState, STATE_ID)


def transitions_after(session: Session, transition_id: int, limit: int) -> Sequence[Transition]:
    """The log of decisions from an id on, in order."""
    query = select(Transition).where(col(Transition.id) > transition_id).order_by(col(Transition.id)).limit(limit)
    return session.exec(query).all()


def newest_transition(session: Session) -> int:
    return session.scalar(select(func.max(Transition.id))) or 0
