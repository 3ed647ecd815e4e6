"""Runs and their metrics."""

from collections.abc import Iterable, Sequence
from importlib import import_module

from sqlalchemy import func, or_
from sqlmodel import Session, col, delete, select

from storage.statuses import RUN_MOVING, RunStatus
from storage.tables import Metric, Run

Point = tuple[int, float]  # step, value


def get(db: Session, run_id: str) -> Run | None:
    return db.get(Run, run_id)


def recent(db: Session, project_id: str | None = None, limit: int = 100, offset: int = 0) -> Sequence[Run]:
    query = select(Run).order_by(col(Run.created_at).desc())
    query = query.where(Run.project_id == project_id) if project_id else query
    return db.exec(query.offset(offset).limit(limit)).all()


def count(db: Session, project_id: str | None = None) -> int:
    query = select(func.count()).select_from(Run)
    return db.scalar(query.where(col(Run.project_id) == project_id) if project_id else query) or 0


def moving(db: Session) -> Sequence[Run]:
    """Runs that are on their way somewhere, first come first."""
    return db.exec(select(Run).where(col(Run.status).in_(RUN_MOVING)).order_by(col(Run.created_at))).all()


def since(db: Session, ended_after: float) -> Sequence[Run]:
    """Runs that have not ended, or did so after that moment."""
    alive = or_(col(Run.ended_at).is_(None), col(Run.ended_at) > ended_after)
    return db.exec(select(Run).where(alive).order_by(col(Run.created_at))).all()


def with_status(db: Session, status: RunStatus) -> Sequence[Run]:
    return db.exec(select(Run).where(Run.status == status).order_by(col(Run.created_at))).all()


def finished_of(db: Session, model_id: str, limit: int) -> Sequence[Run]:
    """The newest runs of a model that have succeeded."""
    query = select(Run).where(Run.model_id == model_id, Run.status == RunStatus.SUCCEEDED)
    return db.exec(query.order_by(col(Run.created_at).desc()).limit(limit)).all()


def begun_from(db: Session, run: Run) -> Sequence[Run]:
    """The runs whose recipe says `start_from` this one, the newest first. Its model's index keeps that quick."""
    named = col(Run.recipe)["start_from"].as_string() == run.id
    return db.exec(select(Run).where(Run.model_id == run.model_id, named).order_by(col(Run.created_at).desc())).all()


def by_idempotency_key(db: Session, key: str) -> Run | None:
    return db.exec(select(Run).where(Run.idempotency_key == key)).first()


def add_metrics(db: Session, points: Iterable[tuple[str, str, int, float]]) -> None:
    """Inserts (run id, name, step, value) rows in bulk; a point that is there already takes the new value."""
    rows = [dict(zip(("run_id", "name", "step", "value"), point, strict=True)) for point in points]
    if not rows:
        return
    # Only the dialect in use is imported: PostgreSQL's alone costs a tenth of a second at start.
    insert = import_module(f"sqlalchemy.dialects.{db.get_bind().dialect.name}").insert(Metric)
    change = insert.on_conflict_do_update(
        index_elements=["run_id", "name", "step"], set_={"value": insert.excluded.value}
    )
    db.execute(change, rows)


def metric_names(db: Session, run_id: str) -> Sequence[str]:
    return db.exec(select(Metric.name).where(Metric.run_id == run_id).distinct().order_by(Metric.name)).all()


def curve(db: Session, run_id: str, name: str, since: int = -1) -> list[Point]:
    """The points of one metric after step `since`, in order."""
    query = select(Metric.step, Metric.value).where(
        Metric.run_id == run_id, Metric.name == name, col(Metric.step) > since
    )
    return [(step, value) for step, value in db.exec(query.order_by(col(Metric.step)))]


def drop(db: Session, run: Run) -> None:
    db.exec(delete(Metric).where(col(Metric.run_id) == run.id))
    db.delete(run)
