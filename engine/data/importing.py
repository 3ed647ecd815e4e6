"""Imports under way: starts those there is room for, reads what their workers say, and takes in what they leave.

A dataset is made by a worker, from files (engine.workers.data.import_files), from the hub (import_hub) or from other
datasets (shape_data). All leave the same in its folder. A worker that dies is started again, once.
"""

import logging
import time
from pathlib import Path
from typing import Any

from engine.data import orphans
from engine.errors import TunesmithError
from engine.process import events, plan, process
from storage import datasets as stored
from storage import db, home
from storage.statuses import DatasetStatus
from storage.tables import Dataset

log = logging.getLogger(__name__)

MOST_AT_ONCE = 2
MOST_ATTEMPTS = 2
SWEEP_SECONDS = 600
ROWS, SOURCE, SOURCES = "rows.parquet", "source", "sources"
HUB = "hub"
AS_DETECTED = "as_detected"  # in a dataset's origin: no mapping of another file is taken over
MOST_REMEMBERED = 50
SHAPED = "shape"  # the source of datasets made from others
FOUND = ("format", "kind", "rows", "accepted", "repaired", "rejected", "confidence", "columns", "mapping")

_swept = {"at": 0.0}  # when this process last looked for orphans


def sources(dataset: Dataset) -> list[tuple[Path, str]]:
    """The files a dataset is made from, in their order, each with its own name. They stay, for another mapping."""
    folder = home.dataset_folder(dataset.id)
    names = [str(one["name"]) for one in dataset.origin.get("files", [])] or [dataset.source_name]
    if len(names) == 1:
        return [(folder / SOURCE, names[0])]
    return [(folder / SOURCES / str(number), name) for number, name in enumerate(names, 1)]


def start(dataset: Dataset) -> None:
    """Starts the worker of an import when there is room for one more; otherwise `tick` does, when there is."""
    if _room(dataset):
        _start(dataset)


def _room(dataset: Dataset) -> bool:
    with db.reading() as session:
        others = [one.id for one in stored.moving(session) if one.id != dataset.id]
    return sum(process.alive(home.dataset_folder(one)) for one in others) < MOST_AT_ONCE


def _start(dataset: Dataset) -> None:
    folder = home.dataset_folder(dataset.id)
    try:
        worker, spec = _spec(dataset)
        process.start(plan.plan_worker(worker, spec, folder), folder, dataset.attempt)
    except TunesmithError as error:  # a parent is gone
        with db.session() as session:
            if (fresh := stored.get(session, dataset.id)) is not None:
                fail(fresh, error.message, error.hint)


def _spec(dataset: Dataset) -> tuple[str, dict[str, Any]]:
    if dataset.source == HUB and "files" not in dataset.origin:
        known = _remembered(dataset)
        return "import_hub", {"hub": dataset.origin, "mapping": dataset.mapping, "remembered": known}
    if dataset.source != SHAPED:
        files = [{"path": str(path), "name": name} for path, name in sources(dataset)]
        return "import_data", {"sources": files, "mapping": dataset.mapping, "remembered": _remembered(dataset)}
    with db.reading() as session:
        parents = [(one, stored.get(session, one)) for one in dataset.parents]
    return "shape_data", {"operation": dataset.operation, "parents": [_parent(*one) for one in parents]}


def _remembered(dataset: Dataset) -> list[dict[str, Any]]:
    """What people said about other files of the project: mappings, for files with the same columns."""
    if dataset.mapping or dataset.origin.get(AS_DETECTED):
        return []
    with db.reading() as session:
        known = stored.mapped(session, dataset.project_id)
    return [{"columns": one.columns, "mapping": one.mapping, "name": one.name} for one in known[:MOST_REMEMBERED]]


def _parent(parent_id: str, parent: Dataset | None) -> dict[str, Any]:
    if parent is None or parent.sha256 is None:
        raise TunesmithError(f"Dataset `{parent_id}`, from which this one is made, has no rows.", "Choose another one.")
    path = str(home.blobs() / f"{parent.sha256}.parquet")
    return {"path": path, "kind": parent.kind, "name": parent.name, "train_rows": parent.train_rows}


def tick() -> None:
    """Moves every import on, the oldest first. Now and then also removes what crashes have left lying about."""
    with db.reading() as session:
        moving = sorted(stored.moving(session), key=lambda one: one.created_at)
    for dataset in moving:
        _follow(dataset)
    if time.monotonic() - _swept["at"] > SWEEP_SECONDS:
        _swept["at"] = time.monotonic()
        orphans.sweep()


def _follow(dataset: Dataset) -> None:
    folder = home.dataset_folder(dataset.id)
    # Asked before the events are read.
    gone = process.was_started(folder, dataset.attempt) and not process.alive(folder)
    seen, offset = events.read(folder, dataset.events_offset)
    with db.session() as session:
        fresh = stored.get(session, dataset.id)
        if fresh is None or fresh.status != DatasetStatus.IMPORTING or fresh.attempt != dataset.attempt:
            return
        fresh.events_offset = offset
        for event in seen:
            _apply(fresh, event, folder)
        if gone and fresh.status == DatasetStatus.IMPORTING and not seen:
            _again_or_fail(fresh)
    if fresh.status != DatasetStatus.IMPORTING:
        tidy(fresh)
    elif not process.alive(folder):
        start(fresh)


def tidy(dataset: Dataset) -> None:
    """Removes what an ended import no longer needs. The files it read stay where another mapping could help."""
    folder = home.dataset_folder(dataset.id)
    left = [*folder.glob("*.part*"), folder / ROWS]
    if dataset.status == DatasetStatus.FAILED and not dataset.rows:
        left += [folder / SOURCE, *(folder / SOURCES).glob("*")]
    for path in left:
        path.unlink(missing_ok=True)


def _again_or_fail(dataset: Dataset) -> None:
    if dataset.attempt < MOST_ATTEMPTS:
        log.warning("the import of dataset %s died and is started again", dataset.id)
        dataset.attempt += 1
        dataset.progress = None
        return
    fail(dataset, "The import was killed twice.", "Perhaps the machine ran out of memory. Import a smaller file.")


def _apply(dataset: Dataset, event: events.Event, folder: Path) -> None:
    match event:
        case events.Progress(done=done, total=total):
            dataset.progress = min(1.0, done / total) if total else None
        case events.Failed(message=message, hint=hint):
            fail(dataset, message, hint)
        case events.Finished(outcome="stopped"):
            fail(dataset, "The import was stopped.", "Import the file again.")
        case events.Finished(result=result):
            _finish(dataset, result, folder)
        case _:
            pass


def fail(dataset: Dataset, message: str, hint: str) -> None:
    """The end of an import that gives no rows."""
    dataset.status, dataset.error, dataset.hint = DatasetStatus.FAILED, message, hint
    dataset.progress = None


def _finish(dataset: Dataset, result: dict[str, Any], folder: Path) -> None:
    for field in FOUND:
        if field in result:
            setattr(dataset, field, result[field])
    if result.get("files"):
        dataset.origin = {**dataset.origin, **result.get("hub", {}), "files": result["files"]}
    match result["status"]:
        case "ready":
            _adopt(dataset, str(result["sha256"]), folder)
        case "needs_mapping":
            dataset.status, dataset.error, dataset.hint = DatasetStatus.NEEDS_MAPPING, result["error"], result["hint"]
        case _:
            fail(dataset, result["error"], result["hint"])
    dataset.progress = None


def _adopt(dataset: Dataset, sha256: str, folder: Path) -> None:
    """Makes the imported rows the blob of their sha256. Safe to repeat after a kill between the move and the commit."""
    target = home.blobs() / f"{sha256}.parquet"
    if (folder / ROWS).exists():
        (folder / ROWS).replace(target)
    dataset.sha256, dataset.size_bytes, dataset.status = sha256, target.stat().st_size, DatasetStatus.READY
    dataset.error = dataset.hint = None
