"""Lists of runs: what is asked for in words, checked, and a page of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from engine.errors import RefusedError
from engine.recipes import metric_directions
from storage import datasets, db, models
from storage.run_lists import summaries, wanted
from storage.run_lists.summaries import Key
from storage.run_lists.wanted import ORDERS, Choices, Order, Wanted, Which
from storage.sweeps import sweeps, trials
from storage.tables import MetricSummary, Run

METRIC = "metric:"
NEWEST = "-created"


@dataclass(frozen=True)
class SweepLine:
    """A sweep in the list of runs: its name, its status, and how many trials are in which state."""

    id: str
    name: str
    status: str
    states: dict[str, int]


@dataclass(frozen=True)
class Listed:
    """A page of runs, how many there are in all, and of those on it: names, and the metrics that were asked for."""

    runs: Sequence[Run]
    total: int
    offset: int
    models: dict[str, str]
    datasets: dict[str, str]
    metrics: dict[Key, MetricSummary]
    sweeps: dict[str, SweepLine]  # by id, of those whose trials are on it


@dataclass(frozen=True)
class MetricColumn:
    """`metric:NAME:last` or `metric:NAME:best`. Best is the least or the greatest, as the metric is better."""

    name: str
    which: Which

    @classmethod
    def parse(cls, text: str) -> "MetricColumn":
        """Raises RefusedError."""
        name, _, end = text.removeprefix(METRIC).rpartition(":")
        if end not in ("last", "best") or not 0 < len(name) <= 200:
            hint = "Write metric:NAME:last or metric:NAME:best, such as metric:eval_loss:best."
            raise RefusedError(f"{text[:80]!r} cannot be a column or an order of a list.", hint)
        if end == "last":
            return cls(name, "last")
        direction = metric_directions.of(name)
        if direction is None:
            raise RefusedError(f"No value of `{name[:80]}` is the best.", f"Write {METRIC}{name[:80]}:last.")
        return cls(name, "least" if direction == "lower" else "greatest")

    def of(self, summary: MetricSummary | None) -> float | None:
        return None if summary is None else float(getattr(summary, self.which))


def order(text: str) -> Order:
    """What a list is sorted by: a field of ORDERS or a metric, with - before it from the top. Raises RefusedError."""
    descending, key = text.startswith("-"), text.removeprefix("-")
    if key.startswith(METRIC):
        column = MetricColumn.parse(key)
        return Order(descending=descending, metric=column.name, which=column.which)
    if key not in ORDERS:
        hint = f"Sort by one of {', '.join(ORDERS)}, or by metric:NAME:last or metric:NAME:best; - turns it around."
        raise RefusedError(f"Runs cannot be sorted by {text[:60]!r}.", hint)
    return Order(key, descending)


def page(asked: Wanted, limit: int, offset: int, columns: Sequence[MetricColumn] = (), whole: bool = False) -> Listed:
    """Runs from `offset` on; from the last page where there are fewer. Without recipe and facts unless `whole`."""
    with db.reading() as session:
        total = wanted.count(session, asked)
        if offset >= total and not whole:
            offset = max(0, total - 1) // limit * limit
        runs = wanted.page(session, asked, limit, offset, whole)
        ids = [run.id for run in runs]
        names = sorted({column.name for column in columns})
        return Listed(
            runs, total, offset,
            {} if whole else models.names(session, [run.model_id for run in runs]),
            {} if whole else datasets.names(session, [run.dataset_id for run in runs]),
            summaries.of_runs(session, ids, names),
            {} if whole else _sweeps(session, {run.sweep_id for run in runs if run.sweep_id}),
        )  # fmt: skip


def sweeps_among(asked: Wanted) -> int:
    """How many lines of a list stand for a sweep."""
    if not asked.grouped:
        return 0
    with db.reading() as session:
        return wanted.count_sweeps(session, asked)


def _sweeps(session: Session, sweep_ids: Collection[str]) -> dict[str, SweepLine]:
    if not sweep_ids:
        return {}
    counted = trials.counts(session, list(sweep_ids))
    rows = sweeps.several(session, list(sweep_ids))
    return {row.id: SweepLine(row.id, row.name, row.status.value, counted.get(row.id, {})) for row in rows}


def count(asked: Wanted) -> int:
    with db.reading() as session:
        return wanted.count(session, asked)


def choices(project_id: str) -> Choices:
    """What a project's runs can be filtered by."""
    with db.reading() as session:
        return wanted.choices(session, project_id)


def among(asked: Wanted, run_ids: Sequence[str]) -> list[str]:
    """Those of the ids that a list shows on any page, in the order of the ids."""
    if not run_ids:
        return []
    with db.reading() as session:
        there = wanted.among(session, asked, run_ids)
    return [run_id for run_id in run_ids if run_id in there]


def any_of(project_id: str) -> bool:
    """Whether a project has any run, be it in the archive."""
    with db.reading() as session:
        return bool(wanted.ids(session, Wanted(project_id), 1))


def metric_names() -> list[str]:
    """The metrics that runs have."""
    with db.reading() as session:
        return summaries.names(session)
