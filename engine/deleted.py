"""Datasets and models that are deleted: hidden at once; rows and files go when the time to undo is over.

    there ──▶ hidden (deleted_at) ──▶ gone
      ▲            │ undone within UNDO_SECONDS
      └────────────┘

A kill between the two loses nothing: the mark is in the database, and the next life goes on from it. It is ground: of
the engine it knows errors only; what goes with a dataset or a model is told by their wings.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlmodel import Session

from engine.errors import ConflictError, NotFoundError
from engine.process import logs
from storage import db
from storage.lists import deleted as stored
from storage.tables import Dataset, Model

UNDO_SECONDS = 30
LATER_SECONDS = 2  # so that an undo of the last moment finds what it restores
_OVER = f"Only what was deleted in the last {UNDO_SECONDS} seconds can be undone."

Row = TypeVar("Row", Dataset, Model)


@dataclass(frozen=True)
class Deletion:
    """What was deleted at once, and can be had back."""

    id: str
    words: str  # what was done, for the person who may undo it
    at: float
    ids: list[str]


def mark(rows: Iterable[Dataset | Model], deletion_id: str) -> None:
    """Hides rows, in the caller's transaction."""
    for row in rows:
        row.deleted_at, row.deletion_id = time.time(), deletion_id


def waiting(table: type[Row], project_id: str | None = None) -> list[Deletion]:
    """What was deleted in the last UNDO_SECONDS, the last first."""
    with db.reading() as session:
        rows = stored.since(session, table, time.time() - UNDO_SECONDS, project_id)
    together: dict[str, list[Row]] = {}
    for row in rows:
        together.setdefault(str(row.deletion_id), []).append(row)
    return [Deletion(key, _words(rows), _begun(rows), [row.id for row in rows]) for key, rows in together.items()]


def _begun(rows: Sequence[Dataset | Model]) -> float:
    return min(row.deleted_at or 0.0 for row in rows)


def _words(rows: Sequence[Dataset | Model]) -> str:
    names = {row.family_id if isinstance(row, Dataset) else row.id: row.name for row in rows}
    if len(names) > 1:
        return f"{len(names)} {'datasets' if isinstance(rows[0], Dataset) else 'models'} deleted"
    first = rows[0]
    if isinstance(first, Dataset) and len(rows) == 1 and first.version > 1:
        return f"Version {first.version} of {first.name} deleted"
    return f"{first.name} deleted"


def undo(table: type[Row], deletion_id: str, comes_back: Callable[[Session, Row], bool]) -> tuple[str, list[str]]:
    """Brings back what one deletion took away. Returns its words, and the ids of what is there again.

    `comes_back` does what a row needs and says whether it may. Raises NotFoundError when it was brought back already or
    is gone, ConflictError when its time is just over, or when nothing of it may come back.
    """
    with db.session() as session:
        rows = stored.at_once(session, table, deletion_id)
        if not rows:
            raise NotFoundError("This was undone already, or can no longer be undone.", _OVER)
        if _begun(rows) < time.time() - UNDO_SECONDS:
            raise ConflictError("This can no longer be undone.", _OVER)
        words = _words(rows)
        restored = [row for row in rows if comes_back(session, row)]
        if not restored:
            message = f"`{rows[0].name}` was added again meanwhile, so the deleted one does not come back."
            raise ConflictError(message, "Use the new one.")
        for row in restored:
            row.deleted_at = row.deletion_id = None
        return words, [row.id for row in restored]


def free(table: type[Row], deletion_id: str, remove: Callable[[str, float], None]) -> list[str]:
    """Removes what one deletion took away without waiting, for a disk that is full. Raises NotFoundError."""
    with db.reading() as session:
        ids = [row.id for row in stored.at_once(session, table, deletion_id)]
    if not ids:
        raise NotFoundError("This is gone already, or was brought back.", "Look at the list again.")
    for row_id in ids:
        remove(row_id, time.time() + LATER_SECONDS)
    return ids


def remove_due(table: type[Row], noun: str, remove: Callable[[str, float], None]) -> None:
    """Removes what can no longer be had back: `remove` gets an id, and the time before which it was deleted."""
    over = time.time() - UNDO_SECONDS - LATER_SECONDS
    with db.reading() as session:
        due = stored.due(session, table, over)
    for row_id in due:
        with logs.kept_going(noun, row_id):
            remove(row_id, over)
