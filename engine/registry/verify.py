"""Everything the studio can vouch for, hashed again: versions, the rows of datasets, checkpoints. Names what changed.

Reads each byte once, a megabyte at a time, in the calling thread: for the command line.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import TunesmithError
from engine.registry import files, kept, manifests
from engine.weights import checkpoints
from storage import datasets, db, home, registry, runs
from storage.tables import Dataset, ModelVersion

Kind = Literal["version", "dataset", "checkpoint"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Checked:
    """One thing that was read: what is wrong with it, or nothing."""

    kind: Kind
    name: str  # as a person knows it
    problems: list[str]
    size_bytes: int


def everything() -> Iterator[Checked]:
    """Versions first, then datasets, then checkpoints; each when it has been read."""
    yield from _versions()
    yield from _datasets()
    yield from _checkpoints()


def _versions() -> Iterator[Checked]:
    with db.reading() as session:
        listed = registry.all_versions(session)
    for version, model in listed:
        name = f"version {version.number} of `{model.name}`"
        try:
            with db.reading() as session:
                folders = kept.folders(session, version)
            now = files.hashed(folders)
        except (TunesmithError, OSError) as error:
            yield Checked("version", name, [str(error)], 0)
            continue
        problems = files.changes(version.files, now) if version.files is not None else []
        _note(version, now, problems)
        yield Checked("version", name, problems, sum(entry["size"] for entry in now.values()))


def _note(version: ModelVersion, now: files.Hashes, problems: list[str]) -> None:
    with db.session() as session:
        row = session.get(ModelVersion, version.id)
        if row is not None:
            row.checked_at, row.changed = time.time(), problems
            row.files = now if row.files is None else row.files
    manifests.write_version(version.id)


def _datasets() -> Iterator[Checked]:
    """The rows of each dataset: their file is named by the hash it had when it was imported."""
    with db.reading() as session:
        listed = [dataset for dataset in datasets.recent(session) if dataset.sha256]
    for dataset in listed:
        path = home.blobs() / f"{dataset.sha256}.parquet"
        yield Checked("dataset", _name(dataset), *_blob(path, str(dataset.sha256)))


def _name(dataset: Dataset) -> str:
    return f"dataset `{dataset.name}`, version {dataset.version}"


def _blob(path: Path, sha256: str) -> tuple[list[str], int]:
    try:
        with path.open("rb") as file:
            now = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
    except OSError as error:
        return [f"Its rows cannot be read: {error.strerror}."], 0
    return ([] if now == sha256 else ["Its rows are not those that were imported."]), size


def _checkpoints() -> Iterator[Checked]:
    with db.reading() as session:
        listed = [(run.id, run.name) for run in runs.recent(session, limit=1_000_000)]
    for run_id, name in listed:
        for folder in checkpoints.in_order(home.run_folder(run_id)):
            called = f"checkpoint {checkpoints.step_of(folder)} of the run `{name}`"
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            problems = [] if checkpoints.matches_manifest(folder) else ["Its files are not what was saved."]
            yield Checked("checkpoint", called, problems, size)
