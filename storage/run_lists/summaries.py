"""Each metric of each run in short: the last value, the least, the greatest. Kept up with the points."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import func, literal
from sqlmodel import Session, col, select

from storage.tables import Metric, MetricSummary

Key = tuple[str, str]  # run id, name
MOST_NAMES = 200


def keep_up(session: Session, points: Iterable[tuple[str, str, int, float]]) -> None:
    """Takes points into the summaries that were just inserted into `metric`, in the same transaction.

    Points behind the last step may have replaced others, after a resume: such a metric is summed up anew.
    """
    values: dict[Key, dict[int, float]] = {}  # to step -> value
    for run_id, name, step, value in points:
        values.setdefault((run_id, name), {})[step] = value
    known = _known(session, values)
    for (run_id, name), new in values.items():
        summary = known.get((run_id, name))
        if summary is None:
            session.add(_extended(_begun(run_id, name, new), new))
        elif _takes_back(summary, new):
            _sum_up(session, summary)
        else:
            _extended(summary, new)
    session.flush()


def _begun(run_id: str, name: str, points: dict[int, float]) -> MetricSummary:
    step = min(points)
    ends = {end: points[step] for end in ("last", "least", "greatest")}
    return MetricSummary(run_id=run_id, name=name, **ends, last_step=step, least_step=step, greatest_step=step)


def _known(session: Session, keys: Iterable[Key]) -> dict[Key, MetricSummary]:
    run_ids, names = {run_id for run_id, _ in keys}, {name for _, name in keys}
    query = select(MetricSummary).where(col(MetricSummary.run_id).in_(run_ids), col(MetricSummary.name).in_(names))
    return {(row.run_id, row.name): row for row in session.exec(query)}


def _takes_back(summary: MetricSummary, new: dict[int, float]) -> bool:
    """Whether new points may have replaced what the summary says. The last one is replaced often, mostly by more."""
    first = min(new)
    if first != summary.last_step:
        return first < summary.last_step
    was_greatest = summary.greatest_step == first and new[first] < summary.greatest
    return was_greatest or (summary.least_step == first and new[first] > summary.least)


def _extended(summary: MetricSummary, new: dict[int, float]) -> MetricSummary:
    for step in sorted(new):
        value = new[step]
        summary.last, summary.last_step = value, step
        if value < summary.least:
            summary.least, summary.least_step = value, step
        if value > summary.greatest:
            summary.greatest, summary.greatest_step = value, step
    return summary


def _sum_up(session: Session, summary: MetricSummary) -> None:
    """From all points of the metric."""
    mine = (col(Metric.run_id) == summary.run_id, col(Metric.name) == summary.name)
    value, step = col(Metric.value), col(Metric.step)

    def least(column: Any, *where: Any) -> Any:
        return session.scalar(select(func.min(column)).where(*mine, *where))

    last_step, summary.least, summary.greatest = session.execute(
        select(func.max(step), func.min(value), func.max(value)).where(*mine)
    ).one()
    summary.last_step, summary.last = last_step, least(value, step == last_step)
    summary.least_step = least(step, value == summary.least)
    summary.greatest_step = least(step, value == summary.greatest)


def of_runs(session: Session, run_ids: Sequence[str], names: Sequence[str]) -> dict[Key, MetricSummary]:
    """Run and name -> summary, of some metrics of some runs by one query."""
    return _known(session, [(run_id, name) for run_id in run_ids for name in names]) if run_ids and names else {}


def names(session: Session) -> list[str]:
    """The metrics that any run has, in order. Each takes one look into the index, however many runs there are."""
    first = sqlalchemy.select(func.min(MetricSummary.name).label("name")).cte("names", recursive=True)
    after = sqlalchemy.select(func.min(MetricSummary.name)).where(col(MetricSummary.name) > first.c.name)
    every = first.union_all(sqlalchemy.select(after.scalar_subquery()).where(first.c.name.is_not(None)))
    query = sqlalchemy.select(every.c.name).where(every.c.name.is_not(literal(None))).limit(MOST_NAMES)
    return list(session.scalars(query))
