"""Datasets: importing -> ready | needs_mapping | failed.

A worker reads the file and judges its rows (engine.workers.import_data); what it leaves becomes a blob named by its
sha256, so that the same rows are stored once, however many datasets have them. An import that dies is started again,
once.
"""

import logging
import shutil
import time
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from engine import events, intake, plan, process
from engine.data import columnar
from engine.errors import ConflictError, NotFoundError
from storage import datasets as stored
from storage import db, home, projects
from storage.statuses import RUN_MOVING, DatasetStatus
from storage.tables import Dataset

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 2
END_SECONDS = 5
MOST_ROWS_A_PAGE = 1000
ROWS, REJECTED, SUMMARY, SOURCE = "rows.parquet", "rejected.jsonl", "summary.json", "source"


def import_file(
    path: Path, name: str, project_id: str = "default", source: str = "upload", source_name: str = ""
) -> Dataset:
    """Begins to import a file and returns at once with the status `importing`.

    A file in the studio's own uploads is moved, any other copied. `source_name` is the file's own name, whose ending
    helps to read it. Raises RefusedError for what is no plain file or too large, NotFoundError for a missing project.
    """
    own_name = intake.file_name(source_name or path.name)
    dataset = Dataset(
        project_id=project_id,
        name=intake.dataset_name(name or Path(own_name).stem),
        source=source,
        source_name=own_name,
    )
    _require_project(project_id)
    folder = home.dataset_folder(dataset.id)
    try:
        dataset.size_bytes = intake.take_in(path, folder / SOURCE)
        with db.session() as session:
            session.add(dataset)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _start(dataset)
    return dataset


def _require_project(project_id: str) -> None:
    with db.reading() as session:
        if projects.get(session, project_id) is None:
            raise NotFoundError(f"There is no project `{project_id}`.")


def _start(dataset: Dataset) -> None:
    folder = home.dataset_folder(dataset.id)
    spec = {"source": str(folder / SOURCE), "name": dataset.source_name}
    process.start(plan.plan_worker("import_data", spec, folder), folder, dataset.attempt)


def look_up(dataset_id: str) -> Dataset:
    """Raises NotFoundError."""
    with db.reading() as session:
        if (dataset := stored.get(session, dataset_id)) is not None:
            return dataset
    raise NotFoundError(f"There is no dataset `{dataset_id}`.", "It may have been deleted. The Data page lists them.")


def blob(dataset: Dataset) -> Path:
    """The Parquet file with the dataset's rows. Raises ConflictError while there is none."""
    if dataset.sha256 is None:
        raise ConflictError(f"Dataset `{dataset.name}` has no rows yet.", "Wait for its import, or see why it failed.")
    return home.blobs() / f"{dataset.sha256}.parquet"


def rows(dataset_id: str, offset: int = 0, limit: int = 50) -> list[dict[str, Any]]:
    """Rows as they will be trained on, each with the number `row` it had in the source; none before it is ready."""
    dataset = look_up(dataset_id)
    if dataset.sha256 is None:
        return []
    return columnar.page(blob(dataset), max(0, offset), _limit(limit))


def rejections(dataset_id: str, offset: int = 0, limit: int = 50) -> list[dict[str, Any]]:
    """The rows that were not taken: {"row", "rule", "value", "fix"}, in the order of the file."""
    path = home.dataset_folder(look_up(dataset_id).id) / REJECTED
    if not path.exists():
        return []
    start = max(0, offset)
    with path.open("rb") as file:
        return [orjson.loads(line) for line in islice(file, start, start + _limit(limit))]


def rejections_file(dataset_id: str) -> Path:
    """All of them, a JSON object a line. Raises NotFoundError when none was rejected."""
    path = home.dataset_folder(look_up(dataset_id).id) / REJECTED
    if not path.exists():
        raise NotFoundError("No row of this dataset was rejected.", "There is nothing to download.")
    return path


def summary(dataset_id: str) -> dict[str, Any]:
    """How the file was read: `notes` (encoding ...), and how often each of the `repairs` and `rules` came up."""
    path = home.dataset_folder(look_up(dataset_id).id) / SUMMARY
    empty: dict[str, Any] = {"notes": [], "repairs": {}, "rules": {}}
    return {**empty, **orjson.loads(path.read_bytes())} if path.exists() else empty


def _limit(limit: int) -> int:
    return max(0, min(limit, MOST_ROWS_A_PAGE))


def delete_dataset(dataset_id: str) -> None:
    """Deletes a dataset, ending its import, and its rows unless another dataset has the same.

    Raises NotFoundError, or ConflictError when a run uses it.
    """
    with db.session() as session:
        dataset = stored.get(session, dataset_id)
        if dataset is None:
            raise NotFoundError(f"There is no dataset `{dataset_id}`.")
        _refuse_used(dataset, stored.used_by(session, dataset_id))
        session.delete(dataset)
        session.flush()
        if dataset.sha256 and not stored.with_blob(session, dataset.sha256):
            blob(dataset).unlink(missing_ok=True)  # inside the transaction: nobody can begin to share it meanwhile
    _end(home.dataset_folder(dataset_id))


def _end(folder: Path) -> None:
    """Ends whatever works in a folder, then removes it."""
    deadline = time.monotonic() + END_SECONDS
    process.kill(folder)
    while process.alive(folder) and time.monotonic() < deadline:  # a shim that has only just begun
        time.sleep(0.02)
        process.kill(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _refuse_used(dataset: Dataset, runs: Any) -> None:
    for run in sorted(runs, key=lambda run: run.status not in RUN_MOVING):
        wait = "Stop the run first, then delete it." if run.status in RUN_MOVING else "Delete the run first."
        raise ConflictError(f"Run `{run.name}` uses dataset `{dataset.name}`.", wait)


def tick() -> None:
    """Moves every import on: reads what its worker says, and starts a dead one again, once."""
    with db.reading() as session:
        moving = stored.moving(session)
    for dataset in moving:
        _follow(dataset)


def _follow(dataset: Dataset) -> None:
    folder = home.dataset_folder(dataset.id)
    gone = process.was_started(folder, dataset.attempt) and not process.alive(
        folder
    )  # asked before the events are read
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
    if fresh.status == DatasetStatus.IMPORTING:
        if not process.alive(folder):
            _start(fresh)
    else:
        _tidy(folder, keep_source=fresh.status == DatasetStatus.NEEDS_MAPPING)


def _tidy(folder: Path, keep_source: bool) -> None:
    """Removes what an ended import no longer needs: the rows are in the blob now, or the file is of no use."""
    for path in (*folder.glob("*.part"), folder / ROWS, *([] if keep_source else [folder / SOURCE])):
        path.unlink(missing_ok=True)


def _again_or_fail(dataset: Dataset) -> None:
    if dataset.attempt < MOST_ATTEMPTS:
        log.warning("the import of dataset %s died and is started again", dataset.id)
        dataset.attempt += 1
        return
    _fail(dataset, "The import was killed twice.", "Perhaps the machine ran out of memory. Import a smaller file.")


def _apply(dataset: Dataset, event: events.Event, folder: Path) -> None:
    match event:
        case events.Progress(done=done, total=total):
            dataset.progress = min(1.0, done / total) if total else None
        case events.Failed(message=message, hint=hint):
            _fail(dataset, message, hint)
        case events.Finished(outcome="stopped"):
            _fail(dataset, "The import was stopped.", "Import the file again.")
        case events.Finished(result=result):
            _finish(dataset, result, folder)
        case _:
            pass


def _fail(dataset: Dataset, message: str, hint: str) -> None:
    dataset.status, dataset.error, dataset.hint = DatasetStatus.FAILED, message, hint
    dataset.progress = None


def _finish(dataset: Dataset, result: dict[str, Any], folder: Path) -> None:
    for field in ("format", "kind", "rows", "accepted", "repaired", "rejected"):
        if field in result:
            setattr(dataset, field, result[field])
    match result["status"]:
        case "ready":
            _adopt(dataset, str(result["sha256"]), folder)
        case "needs_mapping":
            dataset.status, dataset.error, dataset.hint = DatasetStatus.NEEDS_MAPPING, result["error"], result["hint"]
        case _:
            _fail(dataset, result["error"], result["hint"])
    dataset.progress = None


def _adopt(dataset: Dataset, sha256: str, folder: Path) -> None:
    """Makes the imported rows the blob of their sha256. Safe to repeat after a kill between the move and the commit."""
    target = home.blobs() / f"{sha256}.parquet"
    if (folder / ROWS).exists():
        (folder / ROWS).replace(target)
    dataset.sha256, dataset.size_bytes, dataset.status = sha256, target.stat().st_size, DatasetStatus.READY
