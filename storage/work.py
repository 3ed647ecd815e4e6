"""Pieces of work about something the studio has."""

from collections.abc import Iterable, Sequence

from sqlmodel import Session, col, select

from storage.statuses import WORK_MOVING, DatasetStatus, WorkStatus
from storage.tables import Dataset, Work


def get(session: Session, work_id: str) -> Work | None:
    return session.get(Work, work_id)


def reusable(session: Session, key: str) -> Work | None:
    """The newest piece of work with this key that has not failed or been stopped."""
    usable = (*WORK_MOVING, WorkStatus.SUCCEEDED)
    query = select(Work).where(Work.key == key, col(Work.status).in_(usable))
    return session.exec(query.order_by(col(Work.created_at).desc())).first()


def newest_with_key(session: Session, key: str) -> Work | None:
    """The newest piece of work with this key, whatever became of it."""
    return session.exec(select(Work).where(Work.key == key).order_by(col(Work.created_at).desc()).limit(1)).first()


def latest(session: Session, subject_id: str, kind: str) -> Work | None:
    """The newest of a kind about a subject, whatever became of it."""
    query = select(Work).where(Work.subject_id == subject_id, Work.kind == kind)
    return session.exec(query.order_by(col(Work.created_at).desc())).first()


def last_succeeded(session: Session, kind: str) -> Work | None:
    """The newest of a kind that came to its end, about whatever."""
    query = select(Work).where(Work.kind == kind, Work.status == WorkStatus.SUCCEEDED)
    return session.exec(query.order_by(col(Work.ended_at).desc()).limit(1)).first()


def latest_of(session: Session, subject_ids: Iterable[str], kind: str) -> dict[str, Work]:
    """Subject -> the newest of a kind about it, for several subjects by one query."""
    query = select(Work).where(col(Work.subject_id).in_(set(subject_ids)), Work.kind == kind)
    return {work.subject_id: work for work in session.exec(query.order_by(col(Work.created_at)))}


def about(session: Session, subject_id: str, kind: str | None = None) -> Sequence[Work]:
    """All about a subject, the newest first."""
    query = select(Work).where(Work.subject_id == subject_id).order_by(col(Work.created_at).desc())
    return session.exec(query.where(Work.kind == kind) if kind else query).all()


def ended_before(session: Session, kind: str, moment: float) -> Sequence[Work]:
    """Work of a kind that was over before a moment (seconds since 1970)."""
    query = select(Work).where(Work.kind == kind, col(Work.ended_at) < moment)
    return session.exec(query).all()


def any_moving(session: Session, kind: str) -> bool:
    """Whether work of a kind is waiting or under way, about whatever."""
    return session.exec(select(Work.id).where(Work.kind == kind, col(Work.status).in_(WORK_MOVING))).first() is not None


def datasets_without(session: Session, kind: str, most_rows: int, limit: int) -> Sequence[Dataset]:
    """The newest ready datasets of at most so many rows that never had work of a kind."""
    had = select(Work.id).where(Work.subject_id == Dataset.id, Work.kind == kind)
    small = Dataset.accepted + Dataset.repaired <= most_rows
    query = select(Dataset).where(Dataset.status == DatasetStatus.READY, small, ~had.exists())
    return session.exec(query.order_by(col(Dataset.created_at).desc()).limit(limit)).all()
