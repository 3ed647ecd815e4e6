"""The metrics of a run as a table, a row a step: what `metrics.csv` holds."""

import csv
import heapq
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import groupby
from operator import itemgetter

from engine.errors import NotFoundError
from engine.runs import curves, runs
from storage import db
from storage import runs as stored

ROWS_AT_ONCE = 500
FORMULA_SIGNS = ("=", "+", "-", "@")  # a spreadsheet would calculate with what begins with one of them


def names_of(run_id: str, chosen: Sequence[str] = ()) -> list[str]:
    """The chosen metrics, else all that the run has. Raises NotFoundError for a metric that it has not."""
    run = runs.look_up(run_id)
    with db.reading() as session:
        there = list(stored.metric_names(session, run_id))
    for name in chosen:
        if name not in there:
            known = ", ".join(there) or "none yet"
            raise NotFoundError(f"Run `{run.name}` has no metric `{name}`.", f"It has: {known}.")
    return list(dict.fromkeys(chosen)) or there


def csv_lines(run_id: str, names: Sequence[str], titles: Sequence[str] = ()) -> Iterator[str]:
    """Every point as CSV, in pieces: the column `step`, then one a metric; empty where a step has no value of it.

    The columns are called as the metrics, or by `titles`, one a metric.
    """
    heads = titles or names
    yield _written([["step", *(f"'{name}" if name.startswith(FORMULA_SIGNS) else name for name in heads)]])
    rows = []
    for step, values in _by_step(run_id, names):
        rows.append([step, *(values.get(column, "") for column in range(len(names)))])
        if len(rows) == ROWS_AT_ONCE:
            yield _written(rows)
            rows = []
    yield _written(rows)


def _by_step(run_id: str, names: Sequence[str]) -> Iterator[tuple[int, dict[int, float]]]:
    columns = [_column(run_id, name, column) for column, name in enumerate(names)]
    for step, points in groupby(heapq.merge(*columns), itemgetter(0)):
        yield step, {column: value for _, column, value in points}


def _column(run_id: str, name: str, column: int) -> Iterator[tuple[int, int, float]]:
    return ((step, column, value) for step, value in curves.every_point(run_id, name))


def _written(rows: Sequence[Sequence[object]]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
