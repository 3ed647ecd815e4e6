"""Runs and their metrics."""

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import sqlalchemy
from sqlalchemy import JSON, bindparam, case, func, literal, type_coerce, union
from sqlmodel import Session, col, delete, select
from sqlmodel.sql.expression import Select

from storage.run_lists import summaries as summaries_of_points
from storage.run_lists.columns import FOR_A_LIST, IN_LINE
from storage.statuses import RUN_ALIVE, RUN_MOVING, RunStatus
from storage.tables import Metric, MetricSummary, Run, Sample

Point = tuple[int, float]  # step, value

# What every open page asks for every few seconds: to build such a statement takes as long as to ask it.
_LISTED = (
    select(Run)
    .where(col(Run.project_id) == bindparam("project"))
    .options(*FOR_A_LIST)
    .order_by(col(Run.created_at).desc())
    .offset(bindparam("first"))
    .limit(bindparam("rows"))
)
_MOVING = col(Run.status).in_(RUN_MOVING)
_COUNT_MOVING = select(func.count()).select_from(Run).where(_MOVING)
_ALIVE = select(Run).where(col(Run.status).in_(RUN_ALIVE)).options(*FOR_A_LIST).order_by(col(Run.created_at))
_FIRST_ALIVE = _ALIVE.limit(bindparam("rows"))
_WAITING = select(Run).where(Run.status == RunStatus.QUEUED).options(*FOR_A_LIST).order_by(*IN_LINE)
_FIRST_WAITING = _WAITING.limit(bindparam("rows"))

LAST_STEP = 2**31 - 1
"""The greatest step the database can hold."""

_CURVE = (
    sqlalchemy.select(col(Metric.step), col(Metric.value))
    .where(col(Metric.run_id) == bindparam("run"), col(Metric.name) == bindparam("name"))
    .where(col(Metric.step).between(bindparam("first"), bindparam("last")))
    .order_by(col(Metric.step))
)
_CURVE_BEGINNING = _CURVE.limit(bindparam("rows"))


def _each_metric_name() -> Any:
    """The least name, then the least above it, and so on."""
    own = sqlalchemy.select(func.min(col(Metric.name)).label("name")).where(col(Metric.run_id) == bindparam("run"))
    names = own.cte("found", recursive=True)
    following = own.where(col(Metric.name) > names.c.name).scalar_subquery()
    names = names.union_all(sqlalchemy.select(following).where(names.c.name.is_not(None)))
    return sqlalchemy.select(names.c.name).where(names.c.name.is_not(None)).order_by(names.c.name)


_METRIC_NAMES = _each_metric_name()


def get(session: Session, run_id: str) -> Run | None:
    return session.get(Run, run_id)


def recent(session: Session, project_id: str | None = None, limit: int = 100, offset: int = 0) -> Sequence[Run]:
    query = select(Run).order_by(col(Run.created_at).desc())
    query = query.where(Run.project_id == project_id) if project_id else query
    return session.exec(query.offset(offset).limit(limit)).all()


def listed(session: Session, project_id: str, limit: int, offset: int = 0) -> Sequence[Run]:
    """A project's runs, the newest first, without recipe and facts."""
    return session.exec(_LISTED, params={"project": project_id, "rows": limit, "first": offset}).all()


def count(session: Session, project_id: str | None = None) -> int:
    query = select(func.count()).select_from(Run)
    return session.scalar(query.where(col(Run.project_id) == project_id) if project_id else query) or 0


def moving(session: Session) -> Sequence[Run]:
    """Runs that are on their way somewhere, first come first."""
    return session.exec(select(Run).where(col(Run.status).in_(RUN_MOVING)).order_by(col(Run.created_at))).all()


def first_moving(session: Session, limit: int) -> Sequence[Run]:
    """Those that train, then those that are first in the queue, without recipe and facts."""
    alive = session.exec(_FIRST_ALIVE, params={"rows": limit}).all()
    left = limit - len(alive)
    return [*alive, *session.exec(_FIRST_WAITING, params={"rows": left}).all()] if left else alive


def count_moving(session: Session) -> int:
    return session.scalar(_COUNT_MOVING) or 0


def finished_of(session: Session, model_id: str, limit: int) -> Sequence[Run]:
    """The newest runs of a model that have succeeded."""
    query = select(Run).where(Run.model_id == model_id, Run.status == RunStatus.SUCCEEDED)
    return session.exec(query.order_by(col(Run.created_at).desc()).limit(limit)).all()


def ended_of(session: Session, model_id: str, limit: int) -> Sequence[Run]:
    """The newest runs of a model that have come to an end, whichever; without recipe and facts."""
    query = select(Run).where(Run.model_id == model_id, col(Run.status).not_in(RUN_MOVING)).options(*FOR_A_LIST)
    return session.exec(query.order_by(col(Run.created_at).desc()).limit(limit)).all()


def machine_facts(session: Session, limit: int, model_id: str | None = None) -> Sequence[tuple[str | None, Any]]:
    """The newest runs that have succeeded, of one model or of all: the device of each, and what it used, if known."""
    used: Any = type_coerce(col(Run.facts), JSON)["machine"]
    query = select(Run.device, used).where(Run.status == RunStatus.SUCCEEDED)
    query = query if model_id is None else query.where(Run.model_id == model_id)
    return session.exec(query.order_by(col(Run.created_at).desc()).limit(limit)).all()


def with_results(session: Session, project_id: str, limit: int) -> Sequence[Run]:
    """The newest runs of a project that have left something to serve, without recipe and facts."""
    with_artifact = (Run.project_id == project_id, Run.status == RunStatus.SUCCEEDED, col(Run.artifact).is_not(None))
    query = select(Run).where(*with_artifact).options(*FOR_A_LIST)
    return session.exec(query.order_by(col(Run.created_at).desc()).limit(limit)).all()


def results(session: Session, project_id: str, limit: int) -> Sequence[tuple[str, str, float | None]]:
    """The same in short: id, name and when it ended. A form offers a hundred of them, and shows no more."""
    mine = (Run.project_id == project_id, Run.status == RunStatus.SUCCEEDED, col(Run.artifact).is_not(None))
    query = select(Run.id, Run.name, Run.ended_at).where(*mine)
    return session.exec(query.order_by(col(Run.created_at).desc()).limit(limit)).all()


def names(session: Session, run_ids: Iterable[str]) -> dict[str, str]:
    """Id -> name of those that are there."""
    return dict(session.exec(select(Run.id, Run.name).where(col(Run.id).in_(set(run_ids)))).all())


def begun_from(session: Session, run: Run) -> Sequence[Run]:
    """The runs whose recipe says `start_from` this one, the newest first. Its model's index keeps that quick."""
    begins_with_it = col(Run.recipe)["start_from"].as_string() == run.id
    return session.exec(
        select(Run).where(Run.model_id == run.model_id, begins_with_it).order_by(col(Run.created_at).desc())
    ).all()


def by_idempotency_key(session: Session, key: str) -> Run | None:
    return session.exec(select(Run).where(Run.idempotency_key == key)).first()


def add_metrics(session: Session, points: Iterable[tuple[str, str, int, float]]) -> None:
    """Inserts (run id, name, step, value) rows in bulk; a point that is there already takes the new value."""
    new = list(points)
    rows = [dict(zip(("run_id", "name", "step", "value"), point, strict=True)) for point in new]
    if not rows:
        return
    # Only the dialect in use is imported: PostgreSQL's alone costs a tenth of a second at start.
    insert = import_module(f"sqlalchemy.dialects.{session.get_bind().dialect.name}").insert(Metric)
    upsert = insert.on_conflict_do_update(
        index_elements=["run_id", "name", "step"], set_={"value": insert.excluded.value}
    )
    session.execute(upsert, rows)
    summaries_of_points.keep_up(session, new)


def metric_names(session: Session, run_id: str) -> Sequence[str]:
    """The metrics of a run by name. Each is looked up by the primary key: DISTINCT would read every point."""
    return [name for (name,) in session.connection().execute(_METRIC_NAMES, {"run": run_id})]


def curve(
    session: Session, run_id: str, name: str, first: int = 0, last: int | None = None, limit: int | None = None
) -> list[Point]:
    """The points of one metric from step `first` to step `last`, in order, at most the first `limit` of them."""
    query = _CURVE if limit is None else _CURVE_BEGINNING
    asked = {"run": run_id, "name": name, "first": first, "last": LAST_STEP if last is None else last, "rows": limit}
    return [(step, value) for step, value in session.connection().execute(query, asked)]


def last_point(session: Session, run_id: str, name: str, last: int) -> Point:
    """The last point of one metric up to step `last`; there must be one."""
    query = _points(run_id, name).where(col(Metric.step) <= last).order_by(col(Metric.step).desc()).limit(1)
    step, value = session.exec(query).one()
    return step, value


def extremes(session: Session, run_id: str, name: str, first: int, last: int, width: int) -> list[Point]:
    """The least and the greatest point of each bin of `width` steps from step `first` to step `last`, in order.

    Each bin is looked up by the primary key: a GROUP BY would sort every point and take twice as long.
    """
    bins = select(literal(first // width * width).label("start")).cte("bins", recursive=True)
    bins = bins.union_all(select(bins.c.start + width).where(bins.c.start <= last - width))
    step, value = col(Metric.step), col(Metric.value)
    begin = case((bins.c.start < first, first), else_=bins.c.start)
    end = case((bins.c.start > last - width, last), else_=bins.c.start + (width - 1))
    in_bin = step.between(begin, end)  # one range, for SQLite uses no more than one
    of_bin = select(step).where(Metric.run_id == run_id, Metric.name == name, in_bin).limit(1)
    least = of_bin.order_by(value, step).scalar_subquery().label("least")
    greatest = of_bin.order_by(value.desc(), step).scalar_subquery().label("greatest")
    extreme_steps = select(least, greatest).select_from(bins).cte("found")
    steps = union(select(extreme_steps.c.least), select(extreme_steps.c.greatest))
    query = _points(run_id, name).where(step.in_(steps)).order_by(step)
    return [(step, value) for step, value in session.exec(query)]


def spaced(session: Session, run_id: str, name: str, first: int, last: int, width: int) -> list[Point]:
    """The first point of each `width` steps from step `first` to step `last`, in order.

    One look-up in the primary key for each of them: however long the curve is, the rest of it is not read.
    """
    starts = select(literal(first).label("start")).cte("starts", recursive=True)
    starts = starts.union_all(select(starts.c.start + width).where(starts.c.start <= last - width))
    step = col(Metric.step)
    in_stretch = step.between(starts.c.start, starts.c.start + (width - 1))
    of_stretch = select(step).where(Metric.run_id == run_id, Metric.name == name, in_stretch).order_by(step).limit(1)
    steps = select(of_stretch.scalar_subquery()).select_from(starts)
    query = _points(run_id, name).where(step.in_(steps), step <= last).order_by(step)
    return [(step, value) for step, value in session.exec(query)]


def summaries(session: Session, run_ids: Sequence[str]) -> Sequence[MetricSummary]:
    """Every metric of the runs in short, by one query."""
    query = select(MetricSummary).where(col(MetricSummary.run_id).in_(run_ids))
    return session.exec(query.order_by(MetricSummary.name, MetricSummary.run_id)).all()


def _points(run_id: str, name: str) -> Select[int, float]:
    return select(Metric.step, Metric.value).where(Metric.run_id == run_id, Metric.name == name)


def delete_with_metrics(session: Session, run: Run) -> None:
    for table in (Metric, MetricSummary, Sample):
        session.exec(delete(table).where(col(table.run_id) == run.id))
    session.delete(run)
