"""Sweeps: listed, by name, those that move."""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from storage.statuses import SWEEP_MOVING, SweepStatus
from storage.tables import Sweep


def get(session: Session, sweep_id: str) -> Sweep | None:
    return session.get(Sweep, sweep_id)


def recent(
    session: Session, project_id: str | None = None, limit: int = 100, offset: int = 0, words: Sequence[str] = ()
) -> Sequence[Sweep]:
    """The newest first; only those with every word in their names."""
    query = select(Sweep).order_by(col(Sweep.created_at).desc(), col(Sweep.id))
    query = query.where(Sweep.project_id == project_id) if project_id else query
    query = query.where(*(col(Sweep.name).icontains(word, autoescape=True) for word in words))
    return session.exec(query.offset(offset).limit(limit)).all()


def count(session: Session, project_id: str | None = None) -> int:
    query = select(func.count()).select_from(Sweep)
    return session.scalar(query.where(col(Sweep.project_id) == project_id) if project_id else query) or 0


def by_name(session: Session, project_id: str, name: str) -> Sweep | None:
    return session.exec(select(Sweep).where(Sweep.project_id == project_id, Sweep.name == name)).first()


def several(session: Session, sweep_ids: Sequence[str]) -> Sequence[Sweep]:
    """Those of these ids that there are."""
    return session.exec(select(Sweep).where(col(Sweep.id).in_(sweep_ids))).all()


def names(session: Session, sweep_ids: Sequence[str]) -> dict[str, str]:
    """Id -> name of those that are there."""
    return dict(session.exec(select(Sweep.id, Sweep.name).where(col(Sweep.id).in_(set(sweep_ids)))).all())


def is_by_taste(session: Session, sweep_id: str) -> bool:
    """Whether a person says which of its trials is better, by their answers."""
    row = session.get(Sweep, sweep_id)
    objective = row.spec.get("objective") if row is not None else None
    objectives = objective if isinstance(objective, list) else [objective]
    return any(isinstance(one, dict) and one.get("metric") == "taste" for one in objectives)


def moving(session: Session) -> Sequence[str]:
    """Ids of the sweeps that are under way, the oldest first."""
    query = select(Sweep.id).where(col(Sweep.status).in_(SWEEP_MOVING))
    return session.exec(query.order_by(col(Sweep.created_at))).all()


def move(session: Session, sweep_id: str, before: SweepStatus, after: SweepStatus, **changes: Any) -> bool:
    """Moves a sweep on if it still has the status `before`, and says whether it did."""
    unmoved = (col(Sweep.id) == sweep_id, col(Sweep.status) == before)
    values = {"status": after, "moved_at": time.time(), **changes}
    return session.scalar(update(Sweep).where(*unmoved).values(**values).returning(col(Sweep.id))) is not None


def reopen(session: Session, sweep: Sweep, **changes: Any) -> bool:
    """Has a sweep that is over run again, if it still has the status it had, and says whether it did."""
    fresh = {"started_at": time.time(), "ended_at": None, "error": None, "hint": None, "question": None}
    moved = move(session, sweep.id, sweep.status, SweepStatus.RUNNING, **fresh, **changes)
    session.expire(sweep)
    return moved


def change(session: Session, sweep_id: str, question_id: str | None = None, **changes: Any) -> bool:
    """Changes a sweep that runs; with `question_id` only while that question waits. Says whether it did."""
    row = session.get(Sweep, sweep_id, with_for_update=True, populate_existing=True)
    if row is None or row.status != SweepStatus.RUNNING:
        return False
    if question_id is not None and (row.question or {}).get("id") != question_id:
        return False
    row.sqlmodel_update(changes)
    session.flush()
    return True
