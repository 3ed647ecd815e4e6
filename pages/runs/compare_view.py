"""Runs side by side (`/runs?compare=a,b,c`): what differs, what came out, and one chart a metric with all of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode

from markupsafe import Markup

from engine import sizes
from engine.errors import TunesmithError
from engine.recipes import metric_directions
from engine.runs import comparing
from engine.runs.comparing import Came, Comparison, RunInShort
from pages.parts import chart, html
from pages.parts.choosing import ids_of
from pages.runs import samples_view
from pages.train.recipe_words import TITLES, value_words

# What training is judged by, in the order it is looked at; each of which a run has points gets a chart.
CHARTS = (
    ("eval_loss", "Held-out loss"),
    ("loss", "Loss"),
    ("eval_reward", "Held-out reward"),
    ("reward", "Reward"),
    ("rewards/margins", "Margin"),
    ("rewards/accuracies", "Accuracy of pairs"),
    ("mean_token_accuracy", "Token accuracy"),
    ("grad_norm", "Gradient norm"),
    ("learning_rate", "Learning rate"),
)
IN_TABLE = tuple(name for name, _ in CHARTS if metric_directions.of(name))
SUBJECTS = {"model_id": "model", "dataset_id": "dataset"}

Cell = tuple[Any, object]
"""What a column is sorted by, and what it shows."""


class Column:
    """A column of the table of runs. `key` names it in the address."""

    def __init__(self, key: str, title: str, cell: Callable[[RunInShort], Cell], kind: html.Kind = "number") -> None:
        self.key, self.title, self.cell, self.kind = key, title, cell, kind


def compared_html(query: Mapping[str, str]) -> Markup:
    """Those that the address names, in its order or sorted by `sort` (`-` before a column's name: from the top)."""
    ids = ids_of(query.get("compare", ""), comparing.MOST)
    back = html.link(Markup("&larr; All runs"), "/runs?" + urlencode({"chosen": ",".join(ids)}), soft=True)
    try:
        comparison = comparing.compare(ids)
    except TunesmithError as error:
        return Markup('<div class="ts-stack">{}{}</div>').format(back, html.notice(str(error), error.hint or ""))
    words = f"{len(comparison.runs)} runs side by side"
    title = Markup("{}<h2>{}</h2>").format(html.in_title(words), words)
    parts = (
        back,
        title,
        _table(comparison, query),
        _charts(comparison),
        samples_view.beside_html(comparison.runs),
        _everything(comparison),
    )
    return Markup('<div class="ts-stack" data-key="compare-{}">{}</div>').format("-".join(ids), html.join(parts))


def _table(comparison: Comparison, query: Mapping[str, str]) -> Markup:
    columns = _columns(comparison)
    order = query.get("sort", "")
    runs = _sorted(comparison.runs, columns, order)
    headers = (html.Header("Run"), *(_header(column, query, order) for column in columns))
    rows = []
    for run in runs:
        colour = [one.id for one in comparison.runs].index(run.id) + 1
        rows.append(html.Row((_name(run, colour), *(column.cell(run)[1] for column in columns)), run.id))
    same = "" if comparison.recipe else Markup('<p class="ts-hint">{}</p>').format("Their recipes are the same.")
    return html.join((html.table(headers, rows, "Runs side by side"), same))


def _columns(comparison: Comparison) -> list[Column]:
    columns = [
        Column(one.field, TITLES[one.field], _recipe_cell(one.field, one.values), "text") for one in comparison.recipe
    ]
    for name in IN_TABLE:
        came = comparison.metrics.get(name)
        if came:
            columns.append(Column(name, f"Best {dict(CHARTS)[name].lower()}", _came_cell(came, name)))
    if any(run.dataset_version not in (None, 1) for run in comparison.runs):
        columns.append(
            Column("version", "Data version", lambda run: (run.dataset_version, _plain(run.dataset_version)))
        )
    return [
        *columns,
        Column("rows", "Rows", lambda run: (run.rows, _plain(run.rows))),
        Column("steps", "Steps", lambda run: (run.step, _plain(run.step))),
        Column("time", "Time", lambda run: (run.seconds, html.duration(run.seconds))),
        Column("speed", "Tokens/s", lambda run: (run.tokens_per_second, _plain(run.tokens_per_second))),
        *(column for column in MEASURED if any(column.cell(run)[0] is not None for run in comparison.runs)),
    ]


def _memory_cell(run: RunInShort) -> Cell:
    return run.memory_bytes, html.DASH if run.memory_bytes is None else sizes.in_words(run.memory_bytes)


def _energy_cell(run: RunInShort) -> Cell:
    return run.energy_wh, html.DASH if run.energy_wh is None else sizes.energy_in_words(run.energy_wh)


MEASURED = (Column("memory", "Memory", _memory_cell), Column("energy", "Energy", _energy_cell))
"""Of runs that have it alone: power cannot be read everywhere."""


def _recipe_cell(field: str, values: Mapping[str, Any]) -> Callable[[RunInShort], Cell]:
    def cell(run: RunInShort) -> Cell:
        if field in SUBJECTS:
            name = str(getattr(run, SUBJECTS[field]))
            return name, name
        return values[run.id], value_words(values[run.id])

    return cell


def _came_cell(came: Mapping[str, Came], name: str) -> Callable[[RunInShort], Cell]:
    best_run = comparing.winner(came, name)

    def cell(run: RunInShort) -> Cell:
        one = came.get(run.id)
        if one is None or one.best is None:
            return None, html.DASH
        number = Markup("<b>{}</b>") if run.id == best_run else Markup("{}")
        last = "" if one.best_step == one.last_step else f", last {one.last:.4g}"
        return one.best, Markup("{}<small>at step {:,}{}</small>").format(
            number.format(f"{one.best:.4g}"), one.best_step, last
        )

    return cell


def _plain(value: float | None) -> str:
    return html.DASH if value is None else f"{value:,.0f}"


def _header(column: Column, query: Mapping[str, str], order: str) -> html.Header:
    """A column's title, which sorts: from the least, then from the greatest, then as named."""
    turned = {column.key: f"-{column.key}", f"-{column.key}": ""}.get(order, column.key)
    address = {"compare": query.get("compare", ""), "sort": turned}
    href = "/runs?" + urlencode({name: value for name, value in address.items() if value}, safe=",")
    now: Literal["", "ascending", "descending"] = "ascending" if order == column.key else ""
    return html.Header(column.title, column.kind, 0, href, "descending" if order == f"-{column.key}" else now)


def _sorted(runs: Sequence[RunInShort], columns: Sequence[Column], order: str) -> list[RunInShort]:
    """By a column; runs without a value of it come last either way."""
    column = next((one for one in columns if one.key == order.removeprefix("-")), None)
    if column is None:
        return list(runs)
    valued = [run for run in runs if column.cell(run)[0] is not None]
    rest = [run for run in runs if column.cell(run)[0] is None]
    try:
        valued.sort(key=lambda run: column.cell(run)[0], reverse=order.startswith("-"))
    except TypeError:  # of several kinds, such as a number and a word
        valued.sort(key=lambda run: str(column.cell(run)[0]), reverse=order.startswith("-"))
    return [*valued, *rest]


def _name(run: RunInShort, colour: int) -> Markup:
    swatch = Markup('<i class="rn-swatch" style="background:var(--ts-series-{})"></i>').format(colour)
    return Markup('<div class="ts-name rn-named">{}<span>{}<small>{} on {}</small>{}</span></div>').format(
        swatch,
        html.link(run.name, f"/runs?run={run.id}", soft=True),
        run.model,
        run.dataset,
        html.badge(run.status),
    )


def _charts(comparison: Comparison) -> Markup:
    """One a metric that at least one of the runs has, every run in its colour."""
    runs = [(run.id, run.name) for run in comparison.runs]
    drawn = [chart.of_runs(title, name, runs) for name, title in CHARTS if name in comparison.metrics]
    if not drawn:
        return html.notice("None of these runs has reported a number yet.", "Charts appear with the first.", "calm")
    controls = Markup('<div class="ts-chart-controls">{}</div>').format(chart.BAR)
    return Markup('{}<div class="rn-charts">{}</div>').format(controls, html.join(drawn))


def _everything(comparison: Comparison) -> Markup:
    """Every metric of every run, folded away."""
    rows = [
        html.Row((name, *(_words(came.get(run.id)) for run in comparison.runs)))
        for name, came in sorted(comparison.metrics.items())
    ]
    if not rows:
        return Markup()
    headers = [html.Header("Metric"), *(html.Header(run.name, "number") for run in comparison.runs)]
    table = html.table(headers, rows, "All metrics")
    return Markup('<details class="ts-folds rn-all"><summary>All metrics: last, and best</summary>{}</details>').format(
        table
    )


def _words(came: Came | None) -> object:
    if came is None:
        return html.DASH
    best = (
        "" if came.best is None else Markup("<small>best {} at {:,}</small>").format(f"{came.best:.4g}", came.best_step)
    )
    return Markup("{}{}").format(f"{came.last:.4g}", best)
