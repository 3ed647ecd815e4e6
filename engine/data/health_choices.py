"""What a person has decided about the health of a dataset: findings to ignore, datasets to compare with.

Kept beside the dataset, as small files, because a dataset itself is never changed.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path

import orjson

from engine.data import datasets
from engine.errors import NotFoundError, RefusedError
from engine.rows.health.checks import CHECKS
from storage import datasets as stored
from storage import db, home
from storage.statuses import DatasetStatus
from storage.tables import Dataset

IGNORED, AGAINST = "health-ignored.json", "health-against.json"
MOST_COMPARED = 10
MOST_STEPS = 20  # from a version back to the split it came from
_turn = threading.Lock()  # two clicks at once are two choices, not one


def ignored(dataset_id: str) -> set[str]:
    """The checks whose findings a person has accepted."""
    return set(_read(dataset_id, IGNORED) or ()) & CHECKS.keys()


def ignore(dataset_id: str, check: str, yes: bool = True) -> None:
    """Leaves what a check found out of the score, or counts it again. Raises NotFoundError."""
    if check not in CHECKS:
        raise NotFoundError(f"There is no check `{check[:60]}`.", f"The checks are {', '.join(CHECKS)}.")
    dataset_id = datasets.look_up(dataset_id).id
    with _turn:
        before = ignored(dataset_id)
        _write(dataset_id, IGNORED, before | {check} if yes else before - {check})


def against(dataset: Dataset) -> list[Dataset]:
    """The datasets that rows are compared with for leakage: those chosen, else the other sides of its split."""
    chosen = _read(dataset.id, AGAINST)
    if chosen is None:
        return _other_sides(dataset)
    with db.reading() as session:
        compared = [stored.get(session, dataset_id) for dataset_id in chosen]
    return [other for other in compared if other is not None and _usable(other)]


def choose(dataset_id: str, others: Iterable[str]) -> None:
    """Remembers which datasets to compare with; none is a choice too.

    Raises NotFoundError, or RefusedError for the dataset itself, one of another project, or one without rows.
    """
    dataset, ids = datasets.look_up(dataset_id), list(dict.fromkeys(others))
    if len(ids) > MOST_COMPARED:
        raise RefusedError(f"{len(ids)} datasets are too many to compare with.", f"Choose at most {MOST_COMPARED}.")
    for other in map(datasets.look_up, ids):
        if other.id == dataset.id or other.project_id != dataset.project_id or not _usable(other):
            hint = "Choose another dataset of the same project that is ready."
            raise RefusedError(f"`{dataset.name}` cannot be compared with `{other.name}`.", hint)
    with _turn:
        _write(dataset_id, AGAINST, ids)


def candidates(dataset: Dataset) -> list[Dataset]:
    """What it could be compared with: ready datasets of its project that are no other version of it."""
    with db.reading() as session:
        newest = stored.newest(session, dataset.project_id)
    return [candidate for candidate in newest if candidate.family_id != dataset.family_id and _usable(candidate)]


def _other_sides(dataset: Dataset) -> list[Dataset]:
    """The datasets that were split off the same rows as this one, or as the version it was made from."""
    for _ in range(MOST_STEPS):
        if str((dataset.operation or {}).get("op", "")).startswith("split"):
            break
        if not dataset.parents:
            return []
        with db.reading() as session:
            parent = stored.get(session, dataset.parents[0])
        if parent is None:
            return []
        dataset = parent
    own = dataset
    with db.reading() as session:
        siblings = stored.made_from(session, own.project_id, own.parents)
    return [sibling for sibling in siblings if _other_side(sibling, own)][:MOST_COMPARED]


def _other_side(sibling: Dataset, own: Dataset) -> bool:
    from_split = str((sibling.operation or {}).get("op", "")).startswith("split")
    return from_split and sibling.id != own.id and sibling.operation != own.operation and _usable(sibling)


def _usable(dataset: Dataset) -> bool:
    return dataset.status == DatasetStatus.READY and dataset.sha256 is not None and dataset.kind is not None


def _path(dataset_id: str, name: str) -> Path:
    return home.dataset_folder(dataset_id) / name


def _read(dataset_id: str, name: str) -> list[str] | None:
    path = _path(dataset_id, name)
    return [str(entry) for entry in orjson.loads(path.read_bytes())] if path.exists() else None


def _write(dataset_id: str, name: str, values: Iterable[str]) -> None:
    part = home.ensure_folder(home.dataset_folder(dataset_id)) / f"{name}.part"
    part.write_bytes(orjson.dumps(sorted(values)))
    os.replace(part, _path(dataset_id, name))
