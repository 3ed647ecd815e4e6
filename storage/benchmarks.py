"""Benchmarks of endpoints, and the tuners that make several of them."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.statuses import RUN_ALIVE, WORK_MOVING
from storage.tables import Benchmark, Run, Tuner


def get(session: Session, benchmark_id: str) -> Benchmark | None:
    return session.get(Benchmark, benchmark_id)


def recent(
    session: Session, project_id: str | None = None, endpoint_id: str | None = None, limit: int = 100, offset: int = 0
) -> Sequence[Benchmark]:
    """The newest first."""
    query = select(Benchmark).order_by(col(Benchmark.created_at).desc(), col(Benchmark.id))
    query = query.where(Benchmark.project_id == project_id) if project_id else query
    query = query.where(Benchmark.endpoint_id == endpoint_id) if endpoint_id else query
    return session.exec(query.offset(offset).limit(limit)).all()


def count(session: Session, project_id: str | None = None, endpoint_id: str | None = None) -> int:
    query = select(func.count()).select_from(Benchmark)
    query = query.where(col(Benchmark.project_id) == project_id) if project_id else query
    query = query.where(col(Benchmark.endpoint_id) == endpoint_id) if endpoint_id else query
    return session.scalar(query) or 0


def several(session: Session, benchmark_ids: Sequence[str]) -> Sequence[Benchmark]:
    """Those of these ids that there are, in the order of the ids."""
    by_id = {row.id: row for row in session.exec(select(Benchmark).where(col(Benchmark.id).in_(benchmark_ids)))}
    return [by_id[row_id] for row_id in benchmark_ids if row_id in by_id]


def moving(session: Session) -> Sequence[str]:
    """Ids of benchmarks that are under way."""
    return session.exec(select(Benchmark.id).where(col(Benchmark.status).in_(WORK_MOVING))).all()


def under_way(session: Session) -> Benchmark | None:
    """The benchmark that is being measured, if any."""
    return session.exec(select(Benchmark).where(col(Benchmark.status).in_(WORK_MOVING)).limit(1)).first()


def trainings_between(session: Session, since: float, until: float) -> Sequence[str]:
    """Names of runs that were alive in a stretch of time (seconds since 1970)."""
    alive = col(Run.status).in_(RUN_ALIVE)
    overlapped = (col(Run.started_at) < until, alive | (col(Run.ended_at) > since))
    return session.exec(select(Run.name).where(*overlapped).order_by(col(Run.created_at)).limit(20)).all()


def tuners(session: Session, project_id: str | None = None, limit: int = 100, offset: int = 0) -> Sequence[Tuner]:
    """The newest first."""
    query = select(Tuner).order_by(col(Tuner.created_at).desc(), col(Tuner.id))
    query = query.where(Tuner.project_id == project_id) if project_id else query
    return session.exec(query.offset(offset).limit(limit)).all()


def count_tuners(session: Session, project_id: str | None = None) -> int:
    query = select(func.count()).select_from(Tuner)
    return session.scalar(query.where(col(Tuner.project_id) == project_id) if project_id else query) or 0


def moving_tuners(session: Session) -> Sequence[str]:
    """Ids of tuners that are under way, or still put things away."""
    return session.exec(select(Tuner.id).where(Tuner.stage != "over")).all()
