"""`tunesmith compare`: runs beside each other."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.cells import cell_len, set_cell_size

from app.cli.called import RUN
from app.cli.printed import as_json, say, say_json
from engine import sizes
from engine.runs import comparing
from engine.runs.comparing import Came, Comparison
from storage import db

Rows = list[list[str]]


def compare(
    runs: Annotated[list[str], typer.Argument(help="Two to twenty runs, by name or id.", **RUN)],
) -> None:
    """Show what differs between runs: recipe, data, and what came out."""
    db.prepare()
    comparison = comparing.compare(runs)
    if as_json():
        return say_json(comparing.as_json(comparison))
    for title, rows in _sections(comparison):
        say("\n".join([title, *(f"  {line}" for line in _lines(rows))] if title else _lines(rows)))
    return None


def _sections(comparison: Comparison) -> Iterator[tuple[str, Rows]]:
    runs = comparison.runs
    head = [
        ["", *(run.name for run in runs)],
        ["status", *(run.status for run in runs)],
        ["model", *(run.model for run in runs)],
        ["dataset", *(_version(run.dataset, run.dataset_version) for run in runs)],
        ["rows", *("" if run.rows is None else f"{run.rows:,}" for run in runs)],
        ["step", *(f"{run.step:,}" for run in runs)],
        ["seconds", *("" if run.seconds is None else f"{run.seconds:,.0f}" for run in runs)],
        ["memory", *("" if run.memory_bytes is None else sizes.in_words(run.memory_bytes) for run in runs)],
        ["energy", *("" if run.energy_wh is None else sizes.energy_in_words(run.energy_wh) for run in runs)],
    ]
    recipe = [[one.field, *(_value(one.values[run.id]) for run in runs)] for one in comparison.recipe]
    metrics = [[name, *(_came(came.get(run.id)) for run in runs)] for name, came in comparison.metrics.items()]
    yield "", head
    if recipe:
        yield "\nrecipe, where it differs", recipe
    if metrics:
        yield "\nmetrics: last (best at step)", metrics


def _version(name: str, version: int | None) -> str:
    return name if version is None else f"{name} v{version}"


def _value(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _came(came: Came | None) -> str:
    if came is None:
        return ""
    best = "" if came.best is None else f" ({came.best:.4g} at {came.best_step:,})"
    return f"{came.last:.4g}{best}"


def _lines(rows: Rows) -> list[str]:
    """The rows in columns; letters of two cells, as Korean's, count as two."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(set_cell_size, row, widths)).rstrip() for row in rows]
