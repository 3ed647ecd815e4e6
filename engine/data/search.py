"""Search in the rows of a dataset: by an index where there is one, else by looking through its first rows.

Small datasets get their index by themselves, see `health.tick`; large ones with the first search.
"""

from dataclasses import dataclass
from typing import Any

from engine.data import datasets
from engine.process import work
from engine.rows.search import lookup
from engine.rows.search.terms import Term, terms
from engine.rows.store.by_position import read_rows
from storage.statuses import WorkStatus
from storage.tables import Dataset, Work

KIND = "search_index"
SCANNED_ROWS = 20_000
MOST_ROWS_A_PAGE = 200


@dataclass(frozen=True)
class Hit:
    """A row that has everything searched for, at its position from 0."""

    position: int
    row: dict[str, Any]


@dataclass(frozen=True)
class Hits:
    """`looked_at` is how many rows were searched: all of them, unless the index is still being made."""

    terms: list[Term]
    total: int
    rows: list[Hit]
    looked_at: int
    complete: bool


def search(dataset_id: str, text: str, offset: int = 0, limit: int = 20) -> Hits:
    """Rows with all the words, "exact phrases" and beginnings*, in the order of the dataset.

    Any text may be searched for. Raises NotFoundError, ConflictError while there are no rows.
    """
    dataset = datasets.look_up(dataset_id)
    path, search_terms = datasets.blob(dataset), terms(text)
    if not search_terms:
        return Hits([], 0, [], 0, complete=True)
    offset, limit = max(0, offset), max(0, min(limit, MOST_ROWS_A_PAGE))
    index = start_index(dataset)
    if index.status == WorkStatus.SUCCEEDED:
        total, positions = lookup.indexed(work.folder(index) / lookup.INDEX, search_terms, offset, limit)
        looked_at = dataset.train_rows
    else:
        matches, looked_at = lookup.scanned(path, dataset.kind, search_terms, SCANNED_ROWS)
        total, positions = len(matches), matches[offset : offset + limit]
    rows = [Hit(*pair) for pair in zip(positions, read_rows(path, positions), strict=True)]
    return Hits(search_terms, total, rows, looked_at, looked_at >= dataset.train_rows)


def start_index(dataset: Dataset) -> Work:
    """Begins to make the index, or returns what there is. One that failed is left alone: searches scan."""
    index = work.latest(dataset.id, KIND)
    if index is not None and index.status == WorkStatus.FAILED:
        return index
    return work.start(KIND, dataset.id, {"path": str(datasets.blob(dataset)), "kind": dataset.kind})
