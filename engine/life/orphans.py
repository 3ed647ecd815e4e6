"""Folders and rows that the database does not know: what a kill between the database and the disk leaves.

Nothing is taken away that is about to be known. A run, model, backend or piece of work is saved before it has a folder.
A dataset's folder is filled first, and locked meanwhile (attempts.starting). Blobs are looked at inside a write
transaction, as those who begin to use one do.
"""

import time
from pathlib import Path
from typing import Any

from sqlmodel import select

from engine.process import attempts, logs, process, trash
from engine.registry import manifests
from storage import datasets, db, home
from storage.run_lists.hiding import SEEING
from storage.tables import (
    DEFAULT_PROJECT,
    Backend,
    Dataset,
    Endpoint,
    Model,
    Project,
    RegisteredModel,
    Run,
    Sweep,
    Work,
)

NOUNS: dict[str, Any] = {
    "datasets": Dataset, "runs": Run, "models": Model, "backends": Backend, "work": Work, "sweeps": Sweep,
    "endpoints": Endpoint, "registry": RegisteredModel,
}  # fmt: skip
OLD_SECONDS = 600  # so that nobody who has just made a folder, and not locked it yet, is disturbed


def sweep() -> None:
    """Discards the folders of every noun that are not in the database, and rows that no dataset has."""
    lost = {noun: _lost(noun) for noun in NOUNS}
    for noun, table in NOUNS.items():
        with db.reading() as session:
            known_ids = set(session.exec(select(table.id), execution_options=SEEING))
        for folder in home.folder(noun).glob("*"):
            if folder.name not in known_ids | lost[noun] and _is_old(folder):
                with logs.kept_going(noun, folder.name):
                    _sweep_folder(noun, table, folder)
    for blob in home.blobs().glob("*"):
        if _is_old(blob) and not lost["datasets"] and not lost["runs"]:
            with logs.kept_going("blobs", blob.stem):
                _sweep_blob(blob)


def _lost(noun: str) -> set[str]:
    """The folders that are older than the database and not in it: its rows were lost, and `tunesmith repair` may help.

    Of work those are meant that made what a version of the registry holds.
    """
    if noun == "work":
        return manifests.works_held()
    if noun == "backends":
        return set()
    with db.reading() as session:
        project = session.get(Project, DEFAULT_PROJECT)
        known_ids = set(session.exec(select(NOUNS[noun].id), execution_options=SEEING))
    born = project.created_at if project else 0.0
    folders = [folder for folder in home.folder(noun).glob("*") if folder.name not in known_ids]
    lost = {folder.name for folder in folders if manifests.begun_at(folder) < born}
    for name in lost:
        logs.about(noun, name).warning("older than the database, which does not know it: see `tunesmith repair`")
    return lost


def _sweep_folder(noun: str, table: Any, folder: Path) -> None:
    with attempts.starting(folder) as alone:
        known = select(table.id).where(table.id == folder.name)
        with db.reading() as session:
            is_known = session.exec(known, execution_options=SEEING).first() is not None
        if alone and not is_known:
            logs.about(noun, folder.name).warning("a folder that belongs to nothing is removed")
            process.end(folder)
            trash.discard(folder)


def _sweep_blob(blob: Path) -> None:
    with db.session() as session:
        if datasets.with_blob(session, blob.stem) or datasets.moving(session):
            return  # an import under way may come to these rows
        logs.about("blobs", blob.stem).warning("rows that no dataset has are removed")
        trash.discard(blob)


def _is_old(path: Path) -> bool:
    """Whether neither it nor anything in it was changed lately."""
    files = path.rglob("*") if path.is_dir() else []
    try:
        newest = max(file.lstat().st_mtime for file in (path, *files))
    except FileNotFoundError:
        return False  # somebody is at work in it
    return time.time() - newest > OLD_SECONDS
