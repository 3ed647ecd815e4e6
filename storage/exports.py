"""Exports: ways to take a trained model away."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Export, Work

Row = tuple[Export, Work | None]  # with what makes it


def recent(session: Session, run_id: str | None = None, limit: int = 100, offset: int = 0) -> Sequence[Row]:
    """The newest first."""
    query = select(Export, Work).outerjoin(Work, col(Work.id) == col(Export.work_id))
    query = query.where(Export.run_id == run_id) if run_id else query
    newest_first = query.order_by(col(Export.created_at).desc(), col(Export.id))
    return [(export, work) for export, work in session.exec(newest_first.offset(offset).limit(limit))]


def count(session: Session, run_id: str | None = None) -> int:
    query = select(func.count()).select_from(Export)
    return session.scalar(query.where(col(Export.run_id) == run_id) if run_id else query) or 0


def with_same_options(session: Session, subject: str, kind: str, options: dict[str, Any]) -> Sequence[Row]:
    """All that were asked for in the same words, the newest first."""
    query = select(Export, Work).outerjoin(Work, col(Work.id) == col(Export.work_id))
    query = query.where(Export.subject == subject, Export.kind == kind).order_by(col(Export.created_at).desc())
    return [(export, work) for export, work in session.exec(query) if export.options == options]


def made_by(session: Session, work_id: str) -> Sequence[Export]:
    """The exports that a piece of work makes."""
    return session.exec(select(Export).where(Export.work_id == work_id)).all()


def by_ids(session: Session, export_ids: Collection[str]) -> Sequence[Export]:
    """Those that are there."""
    return session.exec(select(Export).where(col(Export.id).in_(export_ids))).all() if export_ids else ()


def is_being_made(session: Session, run_id: str) -> bool:
    """Whether an export of the run is under way."""
    query = select(Export.id).join(Work, col(Work.id) == col(Export.work_id))
    query = query.where(Export.run_id == run_id, col(Work.status).in_(WORK_MOVING))
    return session.exec(query.limit(1)).first() is not None


def kinds_of(session: Session, subject: str) -> Sequence[str]:
    """The kinds of a subject's exports, each once, but for those whose making has failed or was stopped."""
    query = select(Export.kind).outerjoin(Work, col(Work.id) == col(Export.work_id)).where(Export.subject == subject)
    lost = (WorkStatus.FAILED, WorkStatus.STOPPED)
    useful = query.where(or_(col(Work.id).is_(None), col(Work.status).not_in(lost)))
    return session.exec(useful.distinct().order_by(col(Export.kind))).all()
