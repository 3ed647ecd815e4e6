"""The health of a dataset: checked by a worker, by itself for small ones; what was found, its score, and the fixes.

The findings of a dataset never change, as its rows never do. What a person ignores is left out when the score is told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import pyarrow as pa

from engine.data import datasets, health_choices, search, shape
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import logs, work
from engine.rows.health import position_file, score
from engine.rows.health.checks import CHECKS
from engine.rows.health.fingerprints import Positions
from engine.rows.health.language import NAMES, beginnings, language
from engine.rows.health.score import Part
from engine.rows.store.by_position import read_rows
from storage import db
from storage import work as stored
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Dataset, Work

KIND = "health"
AUTOMATIC_ROWS = 50_000  # up to here the checks and the search index are made without being asked
MOST_TRIED = 20  # datasets a round, should work on the first of them not begin
MOST_ROWS_A_PAGE = 200
EDITION = 1  # of the checks: a higher one makes them run again


@dataclass(frozen=True)
class Report:
    """`score` and `parts` are there once the work has succeeded. `compared`: with all that is to be compared with."""

    work: Work | None
    against: list[Dataset]
    compared: bool
    score: int | None = None
    parts: Sequence[Part] = ()
    statistics: dict[str, Any] | None = None


@dataclass(frozen=True)
class FoundRow:
    """A row that a check found, at its position from 0. `twin` is the position of the row it repeats."""

    position: int
    row: dict[str, Any]
    twin: int | None
    twin_row: dict[str, Any] | None
    said: str


def _spec(dataset: Dataset) -> dict[str, Any]:
    others = [
        {"path": str(datasets.blob(other)), "kind": other.kind, "name": other.name}
        for other in health_choices.against(dataset)
    ]
    return {"edition": EDITION, "path": str(datasets.blob(dataset)), "kind": dataset.kind, "against": others}


def start(dataset_id: str, against: Sequence[str] | None = None) -> Work:
    """Begins to check, or returns the checks there are. `against`: dataset ids to compare with, remembered.

    Raises NotFoundError, ConflictError while there are no rows, RefusedError for what cannot be compared.
    """
    if against is not None:
        health_choices.choose(dataset_id, against)
    dataset = datasets.look_up(dataset_id)
    return work.start(KIND, dataset.id, _spec(dataset))


def current(dataset: Dataset) -> Work | None:
    """The checks of this dataset: those compared with what is to be compared with now, else the newest."""
    if dataset.sha256 is None:
        return None
    if (matching := work.find(KIND, dataset.id, _spec(dataset))) is not None:
        return matching
    newest = work.latest(dataset.id, KIND)
    return newest if newest is not None and newest.spec["edition"] == EDITION else None


def report(dataset_id: str) -> Report:
    """Raises NotFoundError."""
    dataset = datasets.look_up(dataset_id)
    checks, against = current(dataset), health_choices.against(dataset)
    compared = checks is not None and checks.spec == _spec(dataset)
    if checks is None or checks.status != WorkStatus.SUCCEEDED:
        return Report(checks, against, compared)
    result = checks.result
    parts = score.parts(result["checks"], result["rows"], health_choices.ignored(dataset_id))
    return Report(checks, against, compared, score.overall(parts), parts, result["statistics"])


def rows(dataset_id: str, check: str, offset: int = 0, limit: int = 20) -> list[FoundRow]:
    """A page of the rows a check found. Raises NotFoundError, ConflictError before the checks are made."""
    dataset = datasets.look_up(dataset_id)
    folder = work.folder(_finished_checks(dataset, check))
    page = slice(max(0, offset), max(0, offset) + min(limit, MOST_ROWS_A_PAGE))
    positions = position_file.read(folder / f"{check}.npy")[page].tolist()
    twins_file = folder / f"{check}.twins.npy"
    twins = position_file.read(twins_file)[page].tolist() if twins_file.exists() else []
    every_row = read_rows(datasets.blob(dataset), [*positions, *twins])
    remark_on = _REMARKS.get(check, _no_remark)
    return [
        FoundRow(position, row, twin, twin_row, remark_on(row))
        for position, row, twin, twin_row in zip_longest(
            positions, every_row[: len(positions)], twins, every_row[len(positions) :]
        )
    ]


def _finished_checks(dataset: Dataset, check: str) -> Work:
    if check not in CHECKS:
        raise NotFoundError(f"There is no check `{check[:60]}`.", f"The checks are {', '.join(CHECKS)}.")
    checks = current(dataset)
    if checks is None or checks.status != WorkStatus.SUCCEEDED:
        raise ConflictError(f"Dataset `{dataset.name}` has not been checked yet.", "Start the checks, then wait.")
    return checks


def _no_remark(_row: dict[str, Any]) -> str:
    return ""


def _language_name(row: dict[str, Any]) -> str:
    (beginning,) = beginnings(pa.array([_all_text(row)])).to_pylist()
    return str(NAMES.get(language(beginning), ""))


def _length(row: dict[str, Any]) -> str:
    return f"{len(_all_text(row)):,} characters"


_REMARKS: dict[str, Callable[[dict[str, Any]], str]] = {"language_mix": _language_name, "length_outliers": _length}


def _all_text(row: dict[str, Any]) -> str:
    texts: list[str] = []
    for name in ("messages", "prompt", "completion", "completions", "text", "chosen", "rejected"):
        value = row.get(name) or []
        turns = [value] if isinstance(value, str) else value
        texts += (str(turn.get("content", "")) if isinstance(turn, dict) else str(turn) for turn in turns)
    return "\n".join(texts)


def fix(dataset_id: str, check: str, positions: Sequence[int] | None = None) -> Dataset:
    """Begins the next version of the dataset, without what a check found, and returns it at once.

    With `positions`, only those rows among the found ones are dropped. Raises NotFoundError, ConflictError when
    nothing was found, RefusedError for a choice of rows where only all of them can be changed.
    """
    dataset = datasets.look_up(dataset_id)
    folder = work.folder(_finished_checks(dataset, check))
    found_positions = position_file.read(folder / f"{check}.npy")
    if not len(found_positions):
        raise ConflictError(f"{CHECKS[check].title}: nothing was found.", "There is nothing to change.")
    definition = CHECKS[check]
    if definition.fix == "drop":
        rows_file = folder / f"{check}.npy"
        drop_positions = rows_file if positions is None else _chosen(found_positions, positions)
        return shape.drop_rows(dataset_id, drop_positions, definition.title.lower())
    if positions is not None:
        raise RefusedError("This fix applies to all rows or to none.", "Leave the positions out.")
    return shape.change(dataset_id, {"op": definition.fix})[0]


def _chosen(found_positions: Positions, positions: Sequence[int]) -> list[int]:
    chosen = [int(position) for position in np.intersect1d(found_positions, np.asarray(positions, dtype=np.int64))]
    if not chosen:
        raise RefusedError("None of these rows was found by the check.", "Choose among the rows it shows.")
    return chosen


def tick() -> None:
    """Checks and indexes small datasets by itself, one at a time, so that nothing else waits long.

    Work that cannot begin on one dataset, such as one whose file is gone, does not keep the others from theirs.
    """
    for kind, begin in ((KIND, _check), (search.KIND, search.start_index)):
        with db.reading() as session:
            is_busy = stored.any_moving(session, kind)
            next_ones = () if is_busy else stored.datasets_without(session, kind, AUTOMATIC_ROWS, MOST_TRIED)
        for dataset in next_ones:
            with logs.kept_going(kind, dataset.id):
                begin(dataset)
                break


def _check(dataset: Dataset) -> Work:
    return work.start(KIND, dataset.id, _spec(dataset))


def under_way(report: Report) -> bool:
    """Whether the checks are waiting or being made."""
    return report.work is not None and report.work.status in WORK_MOVING
