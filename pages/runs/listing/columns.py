"""The columns of the list: those there are, those that are shown, and how each is sorted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from engine.errors import RefusedError
from engine.recipes import metric_directions
from engine.runs import listing
from engine.runs.listing import Listed, MetricColumn
from pages.parts import choosing, html
from pages.parts.filling import filled
from pages.parts.html import Header
from pages.runs.listing.asked import Query, address
from pages.runs.state import progress_bar, step_words, time_words
from storage.tables import Run

MOST = 14


@dataclass(frozen=True)
class Column:
    """`sort` is the key of its order, "" for a column that is not sorted by; numbers begin from the top."""

    title: str
    cell: Callable[[Run, Listed], object]
    kind: html.Kind = "text"
    room: int = 0
    sort: str = ""
    from_top: bool = False


def _progress(run: Run, _listed: Listed) -> Markup:
    return filled('<div class="ts-progress">{}<small>{}</small></div>', progress_bar(run), step_words(run))


def _speed(run: Run, _listed: Listed) -> str:
    return html.DASH if run.tokens_per_second is None else f"{run.tokens_per_second:,.0f}"


def tags(run: Run) -> Markup:
    return html.join(filled('<bdi class="ts-mark">{}</bdi>', tag) for tag in run.tags)


COLUMNS: dict[str, Column] = {
    "status": Column("Status", lambda run, _: html.badge(run.status, run.error or ""), room=13, sort="status"),
    "progress": Column("Progress", _progress, sort="step", from_top=True),
    "loss": Column("Loss", lambda run, _: html.number(run.loss), "number", 7, "loss"),
    "speed": Column("Tokens/s", _speed, "number", 8, "tokens_per_second", True),
    "time": Column("Time", lambda run, _: time_words(run), "number", 11, "seconds", True),
    "created": Column("Created", lambda run, _: html.moment(run.created_at), "number", 11, "created", True),
    "method": Column("Method", lambda run, _: run.method.upper(), sort="method"),
    "model": Column("Model", lambda run, listed: listed.models.get(run.model_id, run.model_id), room=14, sort="model"),
    "dataset": Column(
        "Dataset", lambda run, listed: listed.datasets.get(run.dataset_id, run.dataset_id), room=14, sort="dataset"
    ),
    "started": Column("Started", lambda run, _: html.moment(run.started_at), "number", 11, "started", True),
    "ended": Column("Ended", lambda run, _: html.moment(run.ended_at), "number", 11, "ended", True),
    "device": Column("Device", lambda run, _: run.device or html.DASH),
}
USUAL = ("status", "progress", "loss", "speed", "time", "created")


def keys(query: Query) -> list[str]:
    """The columns that the address names, those there are; the usual ones when it names none."""
    named = choosing.ids_of(query.get("cols", ""), MOST)
    return [key for key in named if key in COLUMNS or metric(key)] or list(USUAL)


def metric(key: str) -> MetricColumn | None:
    """The metric that a column shows, if it shows one that can be."""
    try:
        return MetricColumn.parse(key) if key.startswith(listing.METRIC) else None
    except RefusedError:
        return None


def shown(query: Query) -> list[Column]:
    return [COLUMNS.get(key) or _of_metric(key) for key in keys(query)]


def metrics(query: Query) -> list[MetricColumn]:
    """The metrics that are shown."""
    return [one for key in keys(query) if (one := metric(key))]


def _of_metric(key: str) -> Column:
    column = MetricColumn.parse(key)
    return Column(
        _metric_title(key),
        lambda run, listed: html.number(column.of(listed.metrics.get((run.id, column.name)))),
        "number", 9, key, from_top=metric_directions.of(column.name) == "higher",
    )  # fmt: skip


def _metric_title(key: str) -> str:
    name, _, which = key.removeprefix(listing.METRIC).rpartition(":")
    return f"{name} ({which})"


def header(column: Column, query: Query) -> Header:
    """The head of a column; a click sorts by it, a second one turns that around."""
    if not column.sort:
        return Header(column.title, column.kind, column.room)
    now = query.get("sort") or listing.NEWEST
    first, second = (f"-{column.sort}", column.sort) if column.from_top else (column.sort, f"-{column.sort}")
    then = second if now == first else first
    order = {column.sort: "ascending", f"-{column.sort}": "descending"}.get(now, "")
    href = address(query, sort="" if then == listing.NEWEST else then, page="")
    return Header(column.title, column.kind, column.room, href, order)  # type: ignore[arg-type]


def orders(query: Query) -> list[tuple[str, str]]:
    """What a narrow list is sorted by, which has no heads to click: each shown column from its better end."""
    offered = [("", "newest first"), ("name", "by name")]
    for column in shown(query):
        if column.sort and column.sort != "created":
            key = f"-{column.sort}" if column.from_top else column.sort
            offered.append((key, f"by {column.title[:1].lower()}{column.title[1:]}"))
    return offered


def menu(query: Query, metric_names: Sequence[str]) -> Markup:
    """What can be shown, as boxes: fields, then the metrics that runs have."""
    now = keys(query)
    fields = [(key, column.title) for key, column in COLUMNS.items()]
    offered = [f"{listing.METRIC}{name}:{end}" for name in metric_names for end in ("best", "last")]
    of_metrics = [(key, _metric_title(key)) for key in dict.fromkeys([*offered, *now]) if metric(key)]
    return filled(
        '<details class="rn-columns" data-menu><summary class="ts-button">Columns</summary><div>'
        "<h3>Fields</h3>{}{}{}</div></details>",
        html.join(_option(key, title, now, query) for key, title in fields),
        Markup("<h3>Metrics</h3>") if of_metrics else "",
        html.join(_option(key, title, now, query) for key, title in of_metrics),
    )


def _option(key: str, title: str, now: Sequence[str], query: Query) -> Markup:
    then = [one for one in now if one != key] if key in now else [*now, key]
    return choosing.option("cols", key, title, now, address(query, cols=then))
