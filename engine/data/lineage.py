"""Where a dataset comes from, which versions there are of it, and what differs between any two datasets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from engine.data import datasets
from engine.errors import NotFoundError, TunesmithError
from engine.process import work
from engine.rows.shape import diff as row_diff
from engine.rows.shape import operations
from engine.rows.store import columnar
from storage import datasets as stored
from storage import db
from storage.statuses import DatasetStatus, WorkStatus
from storage.tables import Dataset

DEEPEST = 20
MOST_PARENTS = 200  # nodes of one tree; merges of merges grow quickly
DIFF = "diff_data"


class Ancestor(BaseModel):
    """A dataset with those it was made from."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="The dataset's id.")
    name: str | None = Field(description="Its name; null when it was deleted.")
    version: int = Field(default=1, description="Which version of its family it is.")
    rows: int = Field(default=0, description="Rows that can be trained on.")
    words: str = Field(default="", description="How it was made from its parents.")
    parents: "list[Ancestor]" = Field(default_factory=list, description="What it was made from.")


class Difference(BaseModel):
    """One row that is not the same in both datasets."""

    model_config = ConfigDict(frozen=True)

    change: Literal["changed", "added", "removed"] = Field(description="What happened to the row.")
    position: int = Field(description="Where it is (where it was, for a removed one), counted from 0.")
    before: dict[str, Any] | None = Field(description="The row before; null for an added one.")
    after: dict[str, Any] | None = Field(description="The row after; null for a removed one.")


class Comparison(BaseModel):
    """What differs between two datasets, with a page of the rows: changed ones first, then added, then removed."""

    model_config = ConfigDict(frozen=True)

    ready: bool = Field(description="False while the datasets are still being compared: ask again.")
    changed: int = Field(default=0, description="Rows with the same number in the source and other content.")
    added: int = Field(default=0, description="Rows that only the later dataset has.")
    removed: int = Field(default=0, description="Rows that only the earlier dataset has.")
    rows: list[Difference] = Field(default_factory=list, description="A page of them.")


def versions(dataset_id: str) -> Sequence[Dataset]:
    """All versions of a dataset's family, the newest first. Raises NotFoundError."""
    dataset = datasets.look_up(dataset_id)
    with db.reading() as session:
        return stored.family(session, dataset.family_id)


def root_family(dataset: Dataset) -> str:
    """The family that its rows come from, over samples, splits and merges (of which the first counts), as far as known.

    Datasets with the same one hold the same rows out of a training.
    """
    family_id = dataset.family_id
    with db.reading() as session:
        for _ in range(DEEPEST):
            first = stored.get(session, family_id)
            parent = stored.get(session, first.parents[0]) if first and first.parents else None
            if parent is None:
                break
            family_id = parent.family_id
    return family_id


def words(dataset: Dataset) -> str:
    """How a dataset was made, as a sentence without its subject."""
    return operations.in_words(dataset.operation)


def difference_in_rows(dataset: Dataset, parents: Sequence[Dataset]) -> str:
    """By how many rows a version differs from what it was made from, as the list of versions says it."""
    if dataset.status != DatasetStatus.READY:
        return ""
    changed = datasets.summary(dataset.id).get("changed", 0)
    more = dataset.train_rows - sum(parent.train_rows for parent in parents)
    parts = [f"{changed:,} changed"] if changed else []
    if parents and (more or not parts):
        parts.append(f"{more:+,} rows".replace("-", "\u2212") if more else "the same rows")
    return ", ".join(parts)


def lineage(dataset_id: str) -> Ancestor:
    """The tree of all datasets it was made from. Raises NotFoundError for the dataset itself only."""
    nodes_left = [MOST_PARENTS]
    return _ancestor(datasets.look_up(dataset_id).id, nodes_left, DEEPEST)


def _ancestor(dataset_id: str, nodes_left: list[int], depth: int) -> Ancestor:
    nodes_left[0] -= 1
    try:
        dataset = datasets.look_up(dataset_id)
    except NotFoundError:
        return Ancestor(id=dataset_id, name=None)
    parent_ids = dataset.parents if depth > 0 else []
    parents = [_ancestor(parent_id, nodes_left, depth - 1) for parent_id in parent_ids if nodes_left[0] > 0]
    return Ancestor(
        id=dataset.id,
        name=dataset.name,
        version=dataset.version,
        rows=dataset.train_rows,
        words=words(dataset),
        parents=parents,
    )


def diff(before_id: str, after_id: str, offset: int = 0, limit: int = 20, seconds: float = 0) -> Comparison:
    """What differs, once a worker has compared them; waits for it at most so many seconds.

    Raises NotFoundError, ConflictError for a dataset without rows, or what made the worker fail.
    """
    before, after = datasets.look_up(before_id), datasets.look_up(after_id)
    started = work.start(DIFF, after.id, {"before": _parent_spec(before), "after": _parent_spec(after)})
    comparison = work.wait(started.id, seconds)
    if comparison.status in (WorkStatus.FAILED, WorkStatus.STOPPED):
        raise TunesmithError(
            comparison.error or "The comparison was stopped.", comparison.hint or "Compare them again."
        )
    if comparison.status != WorkStatus.SUCCEEDED:
        return Comparison(ready=False)
    positions = row_diff.Diff.load(work.folder(comparison))
    rows = _page(positions, datasets.blob(before), datasets.blob(after), (offset, limit))
    return Comparison(ready=True, **{name: comparison.result[name] for name in row_diff.Diff._fields}, rows=rows)


def _parent_spec(dataset: Dataset) -> dict[str, Any]:
    path = str(datasets.blob(dataset))
    return {"path": path, "kind": dataset.kind, "name": dataset.name, "train_rows": dataset.train_rows}


def _page(differences: row_diff.Diff, before: Path, after: Path, window: tuple[int, int]) -> list[Difference]:
    changed, added, removed = differences
    entries: list[tuple[Literal["changed", "added", "removed"], int | None, int | None]] = []
    start, end = window[0], window[0] + window[1]
    entries += [("changed", int(old), int(new)) for old, new in changed[start:end]]
    start, end = max(0, start - len(changed)), max(0, end - len(changed))
    entries += [("added", None, int(new)) for new in added[start:end]]
    start, end = max(0, start - len(added)), max(0, end - len(added))
    entries += [("removed", int(old), None) for old in removed[start:end]]
    old_rows = rows_at(before, [old for _, old, _ in entries if old is not None])
    new_rows = rows_at(after, [new for _, _, new in entries if new is not None])
    return [
        Difference(
            change=change,
            position=new if new is not None else old or 0,
            before=None if old is None else old_rows[old],
            after=None if new is None else new_rows[new],
        )
        for change, old, new in entries
    ]


def rows_at(path: Path, positions: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Rows by position. Each row group they are in is read once."""
    rows_by_position: dict[int, dict[str, Any]] = {}
    if not positions:
        return rows_by_position
    with pq.ParquetFile(path) as file:
        first = 0
        for group in range(file.metadata.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            inside = [position for position in positions if first <= position < first + count]
            if inside:
                rows = (
                    file.read_row_group(group, use_threads=False)
                    .take([position - first for position in inside])
                    .to_pylist()
                )
                rows_by_position |= dict(zip(inside, map(columnar.plain, rows), strict=True))
            first += count
    return rows_by_position
