"""Where notifications go outside the window."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from storage.tables import NotificationSink


def all_sinks(session: Session) -> Sequence[NotificationSink]:
    """The oldest first."""
    return session.exec(select(NotificationSink).order_by(col(NotificationSink.created_at))).all()


def get(session: Session, sink_id: str) -> NotificationSink | None:
    return session.get(NotificationSink, sink_id)
