"""What takes the disk, thing by thing with what uses it, and what is safe to remove.

A look walks over every folder, which takes seconds in a large home: it is done in a thread, and kept for a minute.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from engine.errors import NotFoundError
from engine.process import trash, work
from engine.process.answers import Answers
from engine.registry import usage
from engine.serve import adapter_names
from engine.weights import checkpoints
from storage import db, endpoints, home
from storage.run_lists import columns
from storage.statuses import SERVING_KEPT, RunStatus, WorkStatus
from storage.tables import Dataset, Export, Model, Run, Work

FRESH_SECONDS = 60
MOST_TOLD = 200  # things, the largest first
WAIT_SECONDS = 1.5
OTHERS = (
    "runtimes",
    "cache",
    "answers",
    "downloads",
    "uploads",
    "backends",
    "work",
    "blobs",
    "trash",
    "logs",
    "gradio",
)


@dataclass(frozen=True)
class Thing:
    """A folder of the studio, what it belongs to, and what uses that."""

    kind: str  # run | dataset | model | export | other
    id: str
    name: str
    size_bytes: int
    used_by: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Removable:
    """Something that nothing needs any more."""

    id: str  # KIND:ID, for `remove`
    name: str
    why: str  # why it is safe to go
    size_bytes: int


@dataclass(frozen=True)
class Look:
    """What was found, and when."""

    at: float
    free_bytes: int
    things: list[Thing]
    removable: list[Removable]
    kinds: dict[str, int] = field(default_factory=dict)  # bytes of all things of a kind, those not told as well

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class _Last:
    """The last look of this process."""

    def __init__(self) -> None:
        self.look: Look | None = None
        self.home = ""
        self.lock = threading.Lock()


_last = _Last()
_looks: Answers[Look] = Answers("disk", places=1)


def latest() -> Look | None:
    """The last look, at most a minute old or being made anew; None while the first one takes longer than a moment."""
    place = str(home.home())
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        with _last.lock:
            known = _last.look if _last.home == place else None
            if known is not None and time.time() - known.at < FRESH_SECONDS:
                return known
            if (answer := _looks.to(place, look)) is not None:
                _last.look, _last.home = answer.value, place
                return answer.value
        if known is not None or time.monotonic() > deadline:
            return known
        time.sleep(0.02)


def forget() -> None:
    """The next look is a new one."""
    with _last.lock:
        _last.look = None


def look() -> Look:
    """Walks over the home and asks the database whose each folder is."""
    with db.reading() as session:
        things = [*_runs(session), *_datasets(session), *_models(session), *_exports(session)]
    things += [Thing("other", name, name, folder_bytes(home.folder(name))) for name in OTHERS]
    kinds: dict[str, int] = {}
    for thing in things:
        kind = thing.name if thing.kind == "other" else thing.kind
        kinds[kind] = kinds.get(kind, 0) + thing.size_bytes
    by_size = sorted((thing for thing in things if thing.size_bytes), key=lambda thing: -thing.size_bytes)
    with db.reading() as session:
        told = [replace(thing, used_by=_users(session, thing)) for thing in by_size[:MOST_TOLD]]
    removable = [item for find in _FINDERS.values() for item in find()]
    ordered = sorted(removable, key=lambda item: -item.size_bytes)
    return Look(time.time(), home.free_bytes(), told, ordered, {kind: size for kind, size in kinds.items() if size})


def _users(session: Session, thing: Thing) -> list[str]:
    find = usage.FINDERS.get(thing.kind)
    return find(session, thing.id) if find is not None else []


def folder_bytes(folder: Path) -> int:
    """Bytes of the files in a folder, without following links; one that has several names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                facts = os.lstat(os.path.join(place, name))
            except FileNotFoundError:
                continue
            if facts.st_nlink > 1:
                if (facts.st_dev, facts.st_ino) in seen:
                    continue
                seen.add((facts.st_dev, facts.st_ino))
            total += facts.st_size
    return total


def _runs(session: Session) -> Iterator[Thing]:
    for run in session.exec(select(Run).options(*columns.FOR_A_LIST)):
        yield Thing("run", run.id, run.name, folder_bytes(home.run_folder(run.id)))


def _datasets(session: Session) -> Iterator[Thing]:
    for row in session.exec(select(Dataset)):
        size = folder_bytes(home.dataset_folder(row.id)) + (row.size_bytes if row.sha256 else 0)
        yield Thing("dataset", row.id, f"{row.name}, version {row.version}", size)


def _models(session: Session) -> Iterator[Thing]:
    for row in session.exec(select(Model)):
        yield Thing("model", row.id, row.name, folder_bytes(home.model_folder(row.id)))


def _exports(session: Session) -> Iterator[Thing]:
    query = select(Export, Run.name).where(Run.id == Export.run_id, col(Export.work_id).is_not(None))
    for export, name in session.exec(query):
        size = folder_bytes(home.work_folder(str(export.work_id)))
        yield Thing("export", export.id, f"{name}, {export.kind}", size)


def _old_checkpoints() -> Iterator[Removable]:
    """Of runs that have succeeded: only a training that goes on needs them."""
    with db.reading() as session:
        ended = session.exec(select(Run.id, Run.name).where(Run.status == RunStatus.SUCCEEDED)).all()
        taken = _used_checkpoints(session)
    for run_id, name in ended:
        folder = checkpoints.folder_of(home.run_folder(run_id))
        if run_id not in taken and folder.is_dir() and (size := folder_bytes(folder)):
            why = "The run has succeeded: its result stays, and nothing resumes from them."
            yield Removable(f"checkpoints:{run_id}", f"Checkpoints of {name}", why, size)


def _used_checkpoints(session: Session) -> set[str]:
    """The runs of which a checkpoint is served or was exported as it lies there."""
    served = {
        entry.run_id
        for _, backend in endpoints.kept(session, SERVING_KEPT)
        for entry in adapter_names.entries(backend.adapters)
        if "@" in entry.subject
    }
    exported = session.exec(select(Export.run_id).where(col(Export.subject).contains("@")))
    return served | set(exported)


def _quarantined() -> Iterator[Removable]:
    for folder in sorted(home.folder("runs").glob("*/quarantine")):
        if size := folder_bytes(folder):
            why = "Damaged or unfinished checkpoints, which are never resumed from."
            yield Removable(
                f"quarantine:{folder.parent.name}", f"Quarantine of the run {folder.parent.name}", why, size
            )


def _failed_exports() -> Iterator[Removable]:
    with db.reading() as session:
        ended = (WorkStatus.FAILED, WorkStatus.STOPPED)
        query = select(Export, Run.name, Work.id).where(Run.id == Export.run_id, Work.id == Export.work_id)
        failed = session.exec(query.where(col(Work.status).in_(ended))).all()
    for export, name, work_id in failed:
        why = "It failed: nothing of it can be used."
        yield Removable(
            f"export:{export.id}", f"Export of {name}, {export.kind}", why, folder_bytes(home.work_folder(work_id))
        )


def _compiled() -> Iterator[Removable]:
    with db.reading() as session:
        served = bool(endpoints.kept(session, SERVING_KEPT))
    if not served and (size := folder_bytes(home.caches())):
        why = "What servers compiled for this machine. The next start of an endpoint takes longer."
        yield Removable("cache:compiled", "Cache of model servers", why, size)


def _answers() -> Iterator[Removable]:
    if size := folder_bytes(home.answers()):
        why = "Answers kept from reports. The next report on the same base takes longer."
        yield Removable("answers:kept", "Answers of evaluated models", why, size)


_FINDERS: dict[str, Callable[[], Iterator[Removable]]] = {
    "checkpoints": _old_checkpoints,
    "quarantine": _quarantined,
    "export": _failed_exports,
    "cache": _compiled,
    "answers": _answers,
}


def remove(ids: Sequence[str]) -> int:
    """Removes what a look found removable, if it still is; returns the bytes. Raises NotFoundError otherwise."""
    item_ids = list(dict.fromkeys(ids))
    kinds = {item.partition(":")[0] for item in item_ids}
    removable = {item.id: item for kind in kinds if kind in _FINDERS for item in _FINDERS[kind]()}
    if missing := [item for item in item_ids if item not in removable]:
        message = f"`{missing[0]:.80}` is not on the clean-up list."
        raise NotFoundError(message, "It is in use by now, or gone already. Look at the list again.")
    for item in item_ids:
        _REMOVERS[item.partition(":")[0]](item.partition(":")[2])
    forget()
    return sum(removable[item].size_bytes for item in item_ids)


def _remove_export(export_id: str) -> None:
    with db.session() as session:
        export = session.get(Export, export_id)
        making = session.get(Work, export.work_id) if export and export.work_id else None
        if export is not None:
            session.delete(export)
    if making is not None:
        work.forget(making)


_REMOVERS: dict[str, Callable[[str], object]] = {
    "checkpoints": lambda run_id: trash.discard(checkpoints.folder_of(home.run_folder(run_id))),
    "quarantine": lambda run_id: trash.discard(home.run_folder(run_id) / "quarantine"),
    "export": _remove_export,
    "cache": lambda _: trash.discard(home.caches()),
    "answers": lambda _: trash.discard(home.answers()),
}
