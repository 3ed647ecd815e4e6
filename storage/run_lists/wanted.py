"""Which runs a list shows and in which order, by one index; rows of kilobytes are read for the shown page alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy
from sqlalchemy import String, func, literal_column, type_coerce
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from storage.run_lists.columns import FOR_A_LIST
from storage.statuses import RunStatus
from storage.tables import Dataset, MetricSummary, Model, Run, Sweep, Transition
from storage.typed import as_kept

_TAGS = type_coerce(col(Run.tags), String)
MOST_CHOICES = 100
Which = Literal["last", "least", "greatest"]


@dataclass(frozen=True)
class Order:
    """Sorted by a key of ORDERS, or by a metric when `metric` names one. Runs without the value come last."""

    key: str = "created"
    descending: bool = True
    metric: str = ""
    which: Which = "last"


@dataclass(frozen=True)
class Wanted:
    """What a list shows: all when empty. Each word of `search` has to be in the name, the note, a tag, or the id."""

    project_id: str | None = None
    search: str = ""
    statuses: tuple[RunStatus, ...] = ()  # any of these
    method: str = ""
    model_id: str = ""
    dataset_id: str = ""
    sweep_id: str = ""
    tag: str = ""
    since: float | None = None  # created at or after
    until: float | None = None  # created before
    favourite: bool | None = None
    archived: bool | None = None
    grouped: bool = False  # of each sweep its newest trial alone, in place of all of them
    order: Order = field(default_factory=Order)

    def conditions(self) -> list[Any]:
        exact = {"project_id": self.project_id, "method": self.method, "model_id": self.model_id}
        exact |= {"dataset_id": self.dataset_id, "sweep_id": self.sweep_id}
        clauses: list[Any] = [col(getattr(Run, name)) == value for name, value in exact.items() if value]
        flags = (("archived", self.archived), ("favourite", self.favourite))
        clauses += [col(getattr(Run, name)).is_(value) for name, value in flags if value is not None]
        clauses += [col(Run.status).in_(self.statuses)] if self.statuses else []
        clauses += [col(Run.created_at) >= self.since] if self.since is not None else []
        clauses += [col(Run.created_at) < self.until] if self.until is not None else []
        clauses += [_tagged(self.tag)] if self.tag else []
        clauses += [self._one_of_each_sweep()] if self.grouped else []
        return clauses + [_says(word) for word in as_kept(self.search).split()]

    def _one_of_each_sweep(self) -> Any:
        """No trial, or the newest one of its sweep that the list has. One look into an index for each sweep."""
        trial = aliased(Run)
        own = [col(trial.sweep_id) == Sweep.id, col(trial.deleted_at).is_(None)]
        own += [col(trial.archived).is_(self.archived)] if self.archived is not None else []
        newest = sqlalchemy.select(trial.id).where(*own).order_by(col(trial.created_at).desc(), col(trial.id).desc())  # type: ignore[call-overload]
        of_each = sqlalchemy.select(newest.limit(1).correlate(Sweep).scalar_subquery())
        of_each = of_each.where(col(Sweep.project_id) == self.project_id) if self.project_id else of_each
        return sqlalchemy.or_(col(Run.sweep_id).is_(None), col(Run.id).in_(of_each.select_from(Sweep)))


def _tagged(tag: str) -> Any:
    """The column is JSON text, where the tag stands between quotation marks."""
    return _TAGS.contains(json.dumps(tag, ensure_ascii=False), autoescape=True)


def _says(word: str) -> Any:
    noted = aliased(Run)
    has_note = col(noted.note) != literal_column("''")  # a constant, or the index of the runs with a note is not used
    in_note = col(noted.note).icontains(word, autoescape=True)
    return sqlalchemy.or_(
        col(Run.name).icontains(word, autoescape=True),
        _TAGS.icontains(word, autoescape=True),
        col(Run.id) == word,
        col(Run.id).in_(sqlalchemy.select(col(noted.id)).where(has_note, in_note)),
    )


def _named(table: Any, column: Any) -> Any:
    return sqlalchemy.select(table.name).where(table.id == column).scalar_subquery()


def _seconds() -> Any:
    """As `Run.seconds` says it of a run that does not run. Rows are read only of those that were started again."""
    again = aliased(Run)
    was_again = sqlalchemy.exists().where(col(Transition.subject_id) == Run.id, col(Transition.attempt) > 1)
    fact: Any = select(again.seconds_before).where(col(again.id) == Run.id)
    before = sqlalchemy.case((was_again.correlate(Run), fact.correlate(Run).scalar_subquery()))
    last: Any = col(Run.ended_at) - col(Run.started_at)
    return sqlalchemy.case((col(Run.started_at).is_(None), before), else_=last + func.coalesce(before, 0.0))


ORDERS: dict[str, Any] = {
    "created": col(Run.created_at),
    "name": func.lower(Run.name),
    "status": col(Run.status),
    "method": col(Run.method),
    "model": _named(Model, Run.model_id),
    "dataset": _named(Dataset, Run.dataset_id),
    "step": col(Run.step),
    "loss": col(Run.loss),
    "tokens_per_second": col(Run.tokens_per_second),
    "seconds": _seconds(),
    "started": col(Run.started_at),
    "ended": col(Run.ended_at),
    "favourite": col(Run.favourite),
}
NEVER_EMPTY = ("created", "name", "status", "method", "step", "favourite")


def count(session: Session, filters: Wanted) -> int:
    return session.scalar(select(func.count()).select_from(Run).where(*filters.conditions())) or 0


def count_sweeps(session: Session, filters: Wanted) -> int:
    """How many of the list are trials: of a grouped one, how many sweeps it shows."""
    is_trial = col(Run.sweep_id).is_not(None)
    return session.scalar(select(func.count()).select_from(Run).where(*filters.conditions(), is_trial)) or 0


def ids(session: Session, filters: Wanted, limit: int, offset: int = 0) -> list[str]:
    """The ids of a page of the list, in its order; of equals the newest first."""
    return list(session.scalars(page_query(filters, limit, offset)))


def among(session: Session, filters: Wanted, run_ids: Sequence[str]) -> set[str]:
    """Those of the ids that the list has."""
    query = select(Run.id).where(*filters.conditions(), col(Run.id).in_(run_ids))
    return set(session.scalars(query))


def page_query(filters: Wanted, limit: int, offset: int) -> Any:
    query, order = select(Run.id).where(*filters.conditions()), filters.order
    if order.metric:
        short = (MetricSummary.run_id == Run.id) & (MetricSummary.name == order.metric)
        query = query.outerjoin(MetricSummary, short)  # type: ignore[arg-type]
    key = col(getattr(MetricSummary, order.which)) if order.metric else ORDERS[order.key]
    empty_last = [] if not order.metric and order.key in NEVER_EMPTY else [key.is_(None)]
    way = key.desc() if order.descending else key.asc()
    newest = [] if order.key == "created" and not order.metric else [col(Run.created_at).desc()]
    return query.order_by(*empty_last, way, *newest, col(Run.id).desc()).limit(limit).offset(offset)


def page(session: Session, filters: Wanted, limit: int, offset: int = 0, whole: bool = False) -> Sequence[Run]:
    """The runs of a page, without recipe and facts unless `whole`."""
    wanted_ids = ids(session, filters, limit, offset)
    query = select(Run).where(col(Run.id).in_(wanted_ids)).options(*([] if whole else FOR_A_LIST))
    by_id = {run.id: run for run in session.exec(query)} if wanted_ids else {}
    return [by_id[run_id] for run_id in wanted_ids if run_id in by_id]


@dataclass(frozen=True)
class Choices:
    """What the lists of a project can be filtered by: values in order, models and datasets with their names."""

    methods: list[str]
    models: list[tuple[str, str]]
    datasets: list[tuple[str, str]]
    tags: list[str]
    sweeps: list[tuple[str, str]] = field(default_factory=list)


def choices(session: Session, project_id: str) -> Choices:
    """By four queries that read the index of lists alone. Of models and datasets the newest MOST_CHOICES."""
    mine = (col(Run.project_id) == project_id,)
    tagged = session.scalars(select(Run.tags).where(*mine, _TAGS != "[]").distinct())

    def named(table: Any, column: Any) -> list[tuple[str, str]]:
        used = select(column).where(*mine).distinct()
        newest = select(table.id, table.name).where(table.id.in_(used)).order_by(table.created_at.desc())
        rows = session.execute(newest.limit(MOST_CHOICES))
        return sorted(((row_id, name) for row_id, name in rows), key=lambda choice: choice[1])

    of_project = select(Sweep.id, Sweep.name).where(col(Sweep.project_id) == project_id)
    kept = of_project.order_by(col(Sweep.created_at).desc())
    return Choices(
        methods=list(session.scalars(select(Run.method).where(*mine).distinct().order_by(Run.method))),
        models=named(Model, Run.model_id),
        datasets=named(Dataset, Run.dataset_id),
        tags=sorted({tag for tags in tagged for tag in tags}),
        sweeps=[(row_id, name) for row_id, name in session.execute(kept.limit(MOST_CHOICES))],
    )
