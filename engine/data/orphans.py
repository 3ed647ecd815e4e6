"""Files of datasets that no dataset knows: what a crash between a copy and a commit leaves. Removed when it is old."""

import logging
import shutil
import time
from pathlib import Path

from engine.process import process
from storage import datasets as stored
from storage import db, home

log = logging.getLogger(__name__)

OLD_SECONDS = 600  # a copy under way writes all the time


def sweep() -> None:
    """Removes folders of datasets that are not in the database, and rows that none has. What is young stays."""
    for folder in _old(home.folder("datasets")):
        if _unknown(folder.name):
            log.warning("what is left of dataset %s is removed", folder.name)
            process.end(folder)
            shutil.rmtree(folder, ignore_errors=True)
    for blob in _old(home.blobs()):
        if _unused(blob.stem):
            log.warning("the rows %s, which no dataset has, are removed", blob.stem)
            blob.unlink(missing_ok=True)


def _old(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if time.time() - _touched(path) > OLD_SECONDS]


def _touched(path: Path) -> float:
    """When it, or anything in it, was changed last."""
    inner = path.rglob("*") if path.is_dir() else []
    try:
        return max(one.lstat().st_mtime for one in (path, *inner))
    except FileNotFoundError:
        return time.time()  # somebody is at work in it


def _unknown(dataset_id: str) -> bool:
    with db.reading() as session:
        return stored.get(session, dataset_id) is None


def _unused(sha256: str) -> bool:
    """Whether no dataset has the rows, and none that is being imported could come to have them."""
    with db.reading() as session:
        return not stored.with_blob(session, sha256) and not stored.moving(session)
