"""Imports under way: starts those there is room for, reads what their workers say, and takes in what they leave.

A dataset is made by a worker, from files (engine.workers.data.import_files), from the hub (import_hub) or from other
datasets (shape_data). All leave the same in its folder. A worker that dies is started again, once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlmodel import Session

from engine.errors import TunesmithError
from engine.process import attempts, events, logs, plan, process, rounds
from engine.process.attempts import State
from engine.rows.readers import encodings
from storage import datasets as stored
from storage import db, home, moving
from storage.statuses import DatasetStatus
from storage.tables import Dataset

NOUN = "datasets"
MOST_AT_ONCE = 2
RETRIES = 1
ROWS, SOURCE, SOURCES = "rows.parquet", "source", "sources"
HUB = "hub"
AS_DETECTED = "as_detected"  # in a dataset's origin: no mapping of another file is taken over
ENCODING, ENCODINGS = "encoding", "encodings"  # in its origin: the one that was chosen; those to choose from
MOST_REMEMBERED = 50
SHAPED = "shape"  # the source of datasets made from others
FOUND = ("format", "kind", "rows", "accepted", "repaired", "rejected", "confidence", "columns", "mapping")


def chosen(encoding: str | None) -> dict[str, Any]:
    """The `origin` of files in an encoding that a person has chosen, such as "cp949". Raises RefusedError."""
    return {ENCODING: encodings.checked(encoding)} if encoding else {}


def sources(dataset: Dataset) -> list[tuple[Path, str]]:
    """The files a dataset is made from, in their order, each with its own name. They stay, for another mapping."""
    folder = home.dataset_folder(dataset.id)
    names = [str(file["name"]) for file in dataset.origin.get("files", [])] or [dataset.source_name]
    if len(names) == 1:
        return [(folder / SOURCE, names[0])]
    return [(folder / SOURCES / str(number), name) for number, name in enumerate(names, 1)]


def start() -> None:
    """Starts the imports that are first in line, as many as may run at once; `tick` starts the others in their turn."""
    _first_in_line(_start_new)


def _start_new(dataset: Dataset) -> bool:
    folder = home.dataset_folder(dataset.id)
    return attempts.state_of(folder, dataset.attempt) is not State.NEW or _start(dataset, folder)


def _first_in_line(act: Callable[[Dataset], bool]) -> None:
    """Acts on imports, the oldest first, until as many as may run at once have said that they are under way."""
    under_way: list[str] = []

    def has_room_after(dataset: Dataset) -> bool:
        if act(dataset):
            under_way.append(dataset.id)
        return len(under_way) < MOST_AT_ONCE

    rounds.in_line(NOUN, Dataset, moving.first_import, has_room_after)


def _start(dataset: Dataset, folder: Path) -> bool:
    """Whether it is under way now."""
    try:
        attempts.start(folder, dataset.attempt, lambda: _plan(dataset, folder))
    except TunesmithError as error:  # a parent is gone
        with db.session() as session:
            if (current := _unchanged(session, dataset)) is not None:
                fail(current, error.message, error.hint)
        return False
    return True


def _plan(dataset: Dataset, folder: Path) -> plan.Plan:
    worker, spec = _spec(dataset)
    return plan.plan_worker(worker, spec, folder)


def _spec(dataset: Dataset) -> tuple[str, dict[str, Any]]:
    if dataset.source == HUB and "files" not in dataset.origin:
        return "import_hub", {"hub": dataset.origin, **_how(dataset)}
    if dataset.source != SHAPED:
        splits = [str(file.get("split", "")) for file in dataset.origin.get("files", [])] or [""]
        files = [
            {"path": str(path), "name": name, "split": split}
            for (path, name), split in zip(sources(dataset), splits, strict=True)
        ]
        return "import_data", {"sources": files, **_how(dataset)}
    with db.reading() as session:
        parents = [(parent_id, stored.get(session, parent_id)) for parent_id in dataset.parents]
    return "shape_data", {"operation": dataset.operation, "parents": [_parent(*parent) for parent in parents]}


def _how(dataset: Dataset) -> dict[str, Any]:
    """How its files are to be read: as a person has said, here or about files with the same columns."""
    encoding = str(dataset.origin.get(ENCODING, ""))
    by_itself = not dataset.mapping and not dataset.origin.get(AS_DETECTED)
    known = remembered(dataset.project_id) if by_itself else []
    return {"mapping": dataset.mapping, "remembered": known, "encoding": encoding}


def remembered(project_id: str) -> list[dict[str, Any]]:
    """What people said about other files of the project: mappings, for files with the same columns."""
    with db.reading() as session:
        mapped = stored.mapped(session, project_id)
    return [
        {"columns": other.columns, "mapping": other.mapping, "name": other.name} for other in mapped[:MOST_REMEMBERED]
    ]


def _parent(parent_id: str, parent: Dataset | None) -> dict[str, Any]:
    if parent is None or parent.sha256 is None:
        raise TunesmithError(f"Dataset `{parent_id}`, from which this one is made, has no rows.", "Choose another one.")
    path = str(home.blobs() / f"{parent.sha256}.parquet")
    return {"path": path, "kind": parent.kind, "name": parent.name, "train_rows": parent.train_rows}


def tick() -> None:
    """Moves the oldest imports on, as many as may run at once."""
    _first_in_line(_advance)


def _advance(dataset: Dataset) -> bool:
    """One step of an import; says whether it is under way after it."""
    folder = home.dataset_folder(dataset.id)
    seen = attempts.look(folder, dataset.attempt, dataset.events_offset)
    if seen.state is State.NEW:
        return _start(dataset, folder)
    if not seen.is_news and not seen.over:
        return True
    current = _apply_events(dataset, seen, folder)
    if current is None:
        return True  # somebody else was quicker; the next look sees what became of it
    if current.status != DatasetStatus.IMPORTING:
        tidy(current)
        return False
    return current.attempt == dataset.attempt or _start(current, folder)


def _apply_events(dataset: Dataset, seen: attempts.Seen, folder: Path) -> Dataset | None:
    """The row after what was seen; None when it has changed meanwhile."""
    with db.session() as session:
        current = _unchanged(session, dataset)
        if current is None:
            return None
        current.events_offset = seen.offset
        for event in seen.events:
            _apply(current, event, folder)
        if seen.over:
            _again_or_fail(current)
    return current


def _unchanged(session: Session, dataset: Dataset) -> Dataset | None:
    """The row, if it is still being imported and nobody has moved it on."""
    current = stored.get(session, dataset.id)
    if current is None or current.status != DatasetStatus.IMPORTING:
        return None
    unchanged = (current.attempt, current.events_offset) == (dataset.attempt, dataset.events_offset)
    return current if unchanged else None


def end(dataset: Dataset) -> None:
    """Ends the process of an import that was stopped or deleted; nothing is kept of what it read."""
    folder = home.dataset_folder(dataset.id)
    process.end(folder)
    process.forbid(folder, dataset.attempt)  # somebody may be about to start it
    tidy(dataset)


def tidy(dataset: Dataset) -> None:
    """Removes what an ended import no longer needs. The files it read stay where another mapping could help."""
    folder = home.dataset_folder(dataset.id)
    unneeded = [*folder.glob("*.part*"), folder / ROWS]
    if dataset.status == DatasetStatus.FAILED and not dataset.rows:
        unneeded += [folder / SOURCE, *(folder / SOURCES).glob("*")]
    for path in unneeded:
        path.unlink(missing_ok=True)


def _again_or_fail(dataset: Dataset) -> None:
    if attempts.tries_again(dataset.attempt, RETRIES):
        logs.about(NOUN, dataset.id).warning("the import died and is started again")
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
    kept = {name: value for name, value in dataset.origin.items() if name != ENCODINGS}
    told = {name: result[name] for name in ("files", ENCODINGS) if result.get(name)}
    dataset.origin = {**kept, **result.get("hub", {}), **told}
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
    target = home.ensure_folder(home.blobs()) / f"{sha256}.parquet"
    if (folder / ROWS).exists():
        (folder / ROWS).replace(target)
    dataset.sha256, dataset.size_bytes, dataset.status = sha256, target.stat().st_size, DatasetStatus.READY
    dataset.error = dataset.hint = None
