"""Datasets: importing -> ready | needs_mapping | failed.

A worker reads the files and judges their rows (workers.data.import_files, followed by importing); what it leaves
becomes a blob named by its sha256, so that the same rows are stored once, however many datasets have them.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from engine import names
from engine.data import deleting, hub_names, importing, incoming_files
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.existing import existing
from engine.process import attempts
from engine.rows.readers import splits
from engine.rows.store import columnar, rejected
from storage import datasets as stored
from storage import db, home
from storage.statuses import DatasetStatus
from storage.tables import Dataset, Project

MOST_ROWS_A_PAGE = 1000
REJECTED, SUMMARY = "rejected.jsonl", "summary.json"


def import_file(
    path: Path, name: str, project_id: str = "default", source: str = "upload", source_name: str = ""
) -> Dataset:
    """Begins to import one file and returns at once with the status `importing`; see `import_files`.

    `source_name` is the file's own name, whose ending helps to read it.
    """
    return import_files([(path, source_name or path.name)], name, project_id, source)


def import_files(
    paths: Sequence[tuple[Path, str]],
    name: str,
    project_id: str = "default",
    source: str = "upload",
    mapping: dict[str, Any] | None = None,
    origin: dict[str, Any] | None = None,
) -> Dataset:
    """Begins to import files, each with its own name, into one dataset; returns at once with the status `importing`.

    Files in the studio's own uploads are moved, others copied. A name may be a path: folders and words in it tell
    which split the rows belong to. `mapping`: a dump of rows.mapping.mapping.Mapping. `origin`: see importing.chosen.
    Raises RefusedError for what is no plain file or too large, NotFoundError for a missing file or project.
    """
    if not paths:
        raise RefusedError("There is no file to import.", "Choose at least one.")
    files = [incoming_files.file_name(name_outside) for _, name_outside in paths]
    found_splits = splits.of_names([name_outside.replace("\\", "/") for _, name_outside in paths])
    entries = [
        {"name": file, "split": split} if split else {"name": file}
        for file, split in zip(files, found_splits, strict=True)
    ]
    dataset = Dataset(
        project_id=project_id,
        name=names.checked(name or Path(files[0]).stem, "dataset"),
        source=source,
        source_name=_joined_names(files),
        mapping=mapping,
        origin={**(origin or {}), "files": entries},
    )

    def take_in() -> None:
        targets = [target for target, _ in importing.sources(dataset)]
        targets[0].parent.mkdir(exist_ok=True, mode=0o700)
        sizes = [incoming_files.take_in(path, target) for (path, _), target in zip(paths, targets, strict=True)]
        dataset.size_bytes = sum(sizes)

    return _save_and_start(dataset, take_in)


def import_hub(
    hub_id: str,
    config: str | None = None,
    split: str | None = None,
    revision: str | None = None,
    name: str = "",
    project_id: str = "default",
) -> Dataset:
    """Begins to fetch and import one split of a dataset of the hub, such as owner/name.

    The worker's HF_TOKEN opens private ones. Raises RefusedError for what is no name, NotFoundError for a project.
    """
    origin = hub_names.hub_source(hub_id, config, split, revision)
    dataset_name = names.checked(name or str(origin["id"]).rpartition("/")[2], "dataset")
    dataset = Dataset(
        project_id=project_id, name=dataset_name, source=importing.HUB, source_name=str(origin["id"]), origin=origin
    )
    return _save_and_start(dataset, lambda: None)


def import_again(dataset_id: str, mapping: dict[str, Any] | None, encoding: str | None = None) -> Dataset:
    """Reads a dataset's own files by another mapping, or in another encoding (None: as before, "": as detected). One
    that has no rows yet goes on itself, one that has some stays as it is and gets a new version.

    Raises NotFoundError, RefusedError for an unknown encoding, or ConflictError when its files are gone or it is still
    being imported.
    """
    old = look_up(dataset_id)
    origin = _origin(old, mapping, encoding)
    files = importing.sources(old)
    if old.source == importing.SHAPED or not all(path.exists() for path, _ in files):
        raise ConflictError(f"The files of `{old.name}` are not kept.", "Import them again, with the mapping.")
    if old.status == DatasetStatus.IMPORTING:
        raise ConflictError(f"`{old.name}` is still being imported.", "Wait until it has ended.")
    return _next_version(old, mapping, origin) if old.sha256 else _import_anew(old, mapping, origin)


def _import_anew(old: Dataset, mapping: dict[str, Any] | None, origin: dict[str, Any]) -> Dataset:
    with db.session() as session:
        current = existing(session, Dataset, old.id)
        if current.status == DatasetStatus.IMPORTING:
            raise ConflictError(f"`{old.name}` has changed meanwhile.", "Look again.")
        current.status, current.mapping, current.error, current.hint = DatasetStatus.IMPORTING, mapping, None, None
        current.attempt += 1
        current.origin = origin
    importing.start()
    return current


def _origin(dataset: Dataset, mapping: dict[str, Any] | None, encoding: str | None) -> dict[str, Any]:
    """Where it came from, and how it is to be read: also that no mapping of another file shall be taken over, when a
    person wants none."""
    origin = dataset.origin if mapping or encoding else {**dataset.origin, importing.AS_DETECTED: True}
    if encoding is None:
        return origin
    return {name: value for name, value in origin.items() if name != importing.ENCODING} | importing.chosen(encoding)


def _next_version(old: Dataset, mapping: dict[str, Any] | None, origin: dict[str, Any]) -> Dataset:
    version = Dataset(
        project_id=old.project_id,
        name=old.name,
        source=old.source,
        source_name=old.source_name,
        origin=origin,
        mapping=mapping,
        family_id=old.family_id,
        parents=[old.id],
        operation={"op": "map"},
        size_bytes=old.size_bytes,
    )

    def link() -> None:
        for (path, _), (target, _) in zip(importing.sources(old), importing.sources(version), strict=True):
            target.parent.mkdir(exist_ok=True, mode=0o700)
            os.link(path, target)

    return _save_and_start(version, link)


def derive(
    name: str,
    project_id: str,
    operation: dict[str, Any],
    parents: list[str],
    family_id: str | None = None,
) -> Dataset:
    """Begins to make a dataset from others (worker shape_data) and returns at once with the status `importing`.

    With `family_id`, it is the next version of that family. Raises NotFoundError for a missing parent or project,
    ConflictError for a parent without rows.
    """
    parent_datasets = [look_up(parent) for parent in parents]
    for parent in parent_datasets:
        blob(parent)
    derived = Dataset(
        project_id=project_id,
        name=names.checked(name, "dataset"),
        source=importing.SHAPED,
        source_name=_joined_names([parent.name for parent in parent_datasets]),
        operation=operation,
        parents=parents,
        family_id=family_id or "",
    )
    return _save_and_start(derived, lambda: None)


def _joined_names(parts: list[str]) -> str:
    return "".join(parts) if len(parts) < 2 else f"{parts[0]} and {len(parts) - 1} more"


def _save_and_start(dataset: Dataset, take_in: Callable[[], None]) -> Dataset:
    """Fills the folder, then saves the dataset and starts its import. What fails leaves nothing.

    In a family it takes the next number, where nobody else can take the same.
    """
    with db.reading() as session:
        existing(session, Project, dataset.project_id)
    folder = home.dataset_folder(dataset.id)
    with attempts.starting(folder), ExitStack() as undoing:  # locked: unknown to the database, and yet no orphan
        undoing.callback(shutil.rmtree, folder, ignore_errors=True)
        take_in()
        with db.session() as session:
            if dataset.family_id:
                stored.join_family(session, dataset)
            session.add(dataset)
        undoing.pop_all()
    importing.start()
    return dataset


def cancel_import(dataset_id: str) -> Dataset:
    """Ends an import, or one that still waits; nothing is kept of it but its line. Raises NotFoundError."""
    with db.session() as session:
        dataset = existing(session, Dataset, dataset_id)
        if dataset.status != DatasetStatus.IMPORTING:
            return dataset
        importing.fail(dataset, "The import was stopped.", "Import the file again.")
    importing.end(dataset)
    return dataset


def look_up(dataset_id: str) -> Dataset:
    """Raises NotFoundError."""
    with db.reading() as session:
        return existing(session, Dataset, dataset_id)


def sources(dataset: Dataset) -> list[dict[str, str]]:
    """The files it was read from, as workers are told: [{"path", "name"}]. Those of a failed import may be gone."""
    return [{"path": str(path), "name": name} for path, name in importing.sources(dataset)]


def blob(dataset: Dataset) -> Path:
    """The Parquet file with the dataset's rows. Raises ConflictError while there is none."""
    if dataset.sha256 is None:
        raise ConflictError(f"Dataset `{dataset.name}` has no rows yet.", "Wait for its import, or see why it failed.")
    return home.blobs() / f"{dataset.sha256}.parquet"


def rows(dataset_id: str, offset: int = 0, limit: int = 50) -> list[dict[str, Any]]:
    """Rows as they will be trained on, each with the number `row` it had in the source; none before it is ready."""
    dataset = look_up(dataset_id)
    return [] if dataset.sha256 is None else columnar.page(blob(dataset), max(0, offset), _limit(limit))


def rejections(dataset_id: str, offset: int = 0, limit: int = 50) -> list[dict[str, Any]]:
    """The rows that were not taken: {"row", "rule", "value", "fix"}, in order; with "file" when there are several."""
    path = home.dataset_folder(look_up(dataset_id).id) / REJECTED
    return rejected.page(path, max(0, offset), _limit(limit)) if path.exists() else []


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


def delete_dataset(dataset_id: str) -> str:
    """Ends its import and hides it; its rows go after half a minute, unless another has the same.

    Returns the id to undo it by. Raises NotFoundError, ConflictError.
    """
    return deleting.delete(dataset_id)
