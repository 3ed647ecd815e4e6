"""The one way a status changes: compare-and-set, with a row in the transition log, in the caller's transaction."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from storage.queued import followers
from storage.statuses import EndpointStatus, RunStatus
from storage.tables import Backend, Run, Transition


def move_run(session: Session, run: Run, before: RunStatus, after: RunStatus, reason: str = "", **changes: Any) -> bool:
    """Moves a run on if it still has the status `before` and the attempt `run.attempt`, and says whether it did."""
    if not _move(session, run, before, after, changes, reason):
        return False
    followers.moved(session, run.id, before, after)
    return True


def move_backend(
    session: Session, backend: Backend, before: EndpointStatus, after: EndpointStatus, reason: str = "", **changes: Any
) -> bool:
    """The same for a backend."""
    return _move(session, backend, before, after, changes, reason)


def log(session: Session, subject_id: str) -> Sequence[Transition]:
    return session.exec(
        select(Transition).where(Transition.subject_id == subject_id).order_by(col(Transition.id))
    ).all()


def _move(
    session: Session, row: Run | Backend, before: str, after: str, changes: dict[str, Any], reason: str = ""
) -> bool:
    table: Any = type(row)
    values = {"status": after, "moved_at": time.time(), **changes}
    unmoved = (table.id == row.id, table.status == before, table.attempt == row.attempt)
    if session.scalar(update(table).where(*unmoved).values(**values).returning(table.id)) is None:
        return False
    earlier = session.scalar(select(func.count()).where(col(Transition.subject_id) == row.id)) or 0
    entry = {"subject_id": row.id, "attempt": row.attempt, "sequence": earlier}
    session.add(Transition.model_validate({**entry, "before": before, "after": after, "reason": reason}))
    session.flush()
    return True
