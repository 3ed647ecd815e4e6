"""Deliveries: what is to be sent, what is being sent, and what became of it.

A try is claimed before it begins and settled after it, each in a transaction of its own. One that was claimed and never
settled is of a process that died: whether the receiver has it is unknown, and it is sent again under the same id.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, delete, select

from storage.tables import Delivery, Notification, NotificationSink

Entry = tuple[Delivery, Notification, NotificationSink]


def sinks_due(session: Session, now: float) -> Sequence[str]:
    """The ids of the sinks for which something is to be sent now."""
    due = (Delivery.state == "waiting", col(Delivery.due_at) <= now)
    return session.exec(select(Delivery.sink_id).where(*due).distinct()).all()


def first_due(session: Session, sink_id: str, now: float) -> Delivery | None:
    """What a sink is to be sent next."""
    due = (Delivery.sink_id == sink_id, Delivery.state == "waiting", col(Delivery.due_at) <= now)
    return session.exec(select(Delivery).where(*due).order_by(col(Delivery.id)).limit(1)).first()


def claim(session: Session, delivery: Delivery, now: float) -> bool:
    """Begins a try, unless another process was faster."""
    values = {"state": "sending", "begun_at": now, "attempts": delivery.attempts + 1}
    return _move(session, delivery, "waiting", delivery.attempts, values)


def settle(session: Session, delivery: Delivery, values: dict[str, Any]) -> bool:
    """Ends the try that `delivery` is of, unless it was taken for lost and begun anew."""
    return _move(session, delivery, "sending", delivery.attempts, values)


def free_lost(session: Session, begun_before: float, now: float) -> None:
    """Makes tries that began so long ago and never ended due again."""
    lost = (col(Delivery.state) == "sending", col(Delivery.begun_at) < begun_before)
    values = {"state": "waiting", "due_at": now, "outcome": "The studio ended while it was sent: sent again."}
    session.execute(update(Delivery).where(*lost).values(**values))


def count_lost(session: Session, begun_before: float) -> int:
    lost = (col(Delivery.state) == "sending", col(Delivery.begun_at) < begun_before)
    return session.scalar(select(func.count()).where(*lost)) or 0


def newest(session: Session, limit: int, offset: int = 0) -> Sequence[Entry]:
    """The deliveries with what they are about and where they go, the newest first."""
    query = (
        select(Delivery, Notification, NotificationSink)
        .join(Notification, col(Notification.id) == col(Delivery.notification_id))
        .join(NotificationSink, col(NotificationSink.id) == col(Delivery.sink_id))
        .order_by(col(Delivery.id).desc())
    )
    return [(row[0], row[1], row[2]) for row in session.exec(query.offset(offset).limit(limit)).all()]


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Delivery)) or 0


def last_of(session: Session, sink_id: str) -> Delivery | None:
    """The newest delivery to a sink that has been tried."""
    tried = (Delivery.sink_id == sink_id, col(Delivery.attempts) > 0)
    return session.exec(select(Delivery).where(*tried).order_by(col(Delivery.id).desc()).limit(1)).first()


def drop_waiting(session: Session, sink_id: str) -> None:
    """Forgets what waits for a sink that was switched off."""
    session.execute(delete(Delivery).where(col(Delivery.sink_id) == sink_id, col(Delivery.state) == "waiting"))


def _move(session: Session, delivery: Delivery, before: str, attempts: int, values: dict[str, Any]) -> bool:
    table: Any = Delivery
    unmoved = (table.id == delivery.id, table.state == before, table.attempts == attempts)
    return session.scalar(update(Delivery).where(*unmoved).values(**values).returning(table.id)) is not None
