"""Links to a run or a chat. Their tokens have 128 random bits and a signature, so a plain sha256 is the right hash."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.tables import LiveLink, Metric

Kind = Literal["run", "chat"]
_SHOWN: dict[Kind, Any] = {"run": LiveLink.run_id, "chat": LiveLink.chat_id}


def by_sha256(session: Session, sha256: str) -> LiveLink | None:
    return session.exec(select(LiveLink).where(LiveLink.sha256 == sha256)).first()


def open_of(session: Session, kind: Kind, id: str, now: float) -> Sequence[LiveLink]:
    """Those of a run or a chat that are neither over nor revoked, the oldest first."""
    still_open = (_SHOWN[kind] == id, col(LiveLink.revoked_at).is_(None), col(LiveLink.expires_at) > now)
    return session.exec(select(LiveLink).where(*still_open).order_by(col(LiveLink.created_at))).all()


def metric_names(session: Session, run_id: str, most: int) -> Iterator[str]:
    """The metrics of a run in order, each by one step through the primary key: DISTINCT would read every point."""
    name = ""
    for _ in range(most):
        query = select(func.min(Metric.name)).where(Metric.run_id == run_id, col(Metric.name) > name)
        next_name = session.scalar(query)
        if next_name is None:
            return
        name = str(next_name)
        yield name
