"""The one way a status changes: compare-and-set, with a row in the transition log, in the caller's transaction."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from storage.statuses import EndpointStatus, RunStatus
from storage.tables import Backend, Run, Transition


def move_run(db: Session, run: Run, before: RunStatus, after: RunStatus, reason: str = "", **changes: Any) -> bool:
    """Moves a run on if it still has the status `before` and the attempt `run.attempt`, and says whether it did."""
    return _move(db, run, before, after, changes, reason)


def move_backend(
    db: Session, backend: Backend, before: EndpointStatus, after: EndpointStatus, reason: str = "", **changes: Any
) -> bool:
    """The same for a backend."""
    return _move(db, backend, before, after, changes, reason)


def log(db: Session, subject_id: str) -> Sequence[Transition]:
    return db.exec(select(Transition).where(Transition.subject_id == subject_id).order_by(col(Transition.id))).all()


def _move(db: Session, row: Run | Backend, before: str, after: str, changes: dict[str, Any], reason: str = "") -> bool:
    table: Any = type(row)
    values = {"status": after, "moved_at": time.time(), **changes}
    same = (table.id == row.id, table.status == before, table.attempt == row.attempt)
    if db.scalar(update(table).where(*same).values(**values).returning(table.id)) is None:
        return False
    earlier = db.scalar(select(func.count()).where(col(Transition.subject_id) == row.id)) or 0
    log = {"subject_id": row.id, "attempt": row.attempt, "sequence": earlier}
    db.add(Transition.model_validate({**log, "before": before, "after": after, "reason": reason}))
    db.flush()
    return True
