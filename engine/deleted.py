"""What is deleted: hidden at once; rows and files go when the time to undo is over.

    there ──▶ hidden (deleted_at) ──▶ gone
      ▲            │ undone within UNDO_SECONDS
      └────────────┘

A kill between the two loses nothing: the mark is in the database, and the next life goes on from it. It is ground: of
the engine it knows errors only; what goes with a dataset, a model or a chat is told by their wings, and what they are
called too. Runs have the same marks and their own undo, which takes back other changes as well (engine.runs.changes).
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from engine.errors import ConflictError, NotFoundError
from engine.process import logs
from storage import db
from storage.lists import deleted as stored
from storage.lists.deleted import Deletable, Row
from storage.tables import Chat, Dataset, Evaluation, Message, Model, Snippet, Sweep

UNDO_SECONDS = 30
LATER_SECONDS = 2  # so that an undo of the last moment finds what it restores
MOST_WORDS = 40  # characters of what was said, where a deletion of turns is told
_OVER = f"Only what was deleted in the last {UNDO_SECONDS} seconds can be undone."
_MANY: dict[type[Any], str] = {
    Dataset: "datasets", Model: "models", Chat: "chats", Snippet: "snippets", Evaluation: "evaluations",
    Sweep: "sweeps",
}  # fmt: skip


@dataclass(frozen=True)
class Deletion:
    """What was deleted at once, and can be had back."""

    id: str
    words: str  # what was done, for the person who may undo it
    at: float
    ids: list[str]


def mark(rows: Iterable[Deletable], deletion_id: str) -> None:
    """Hides rows, in the caller's transaction."""
    for row in rows:
        row.deleted_at, row.deletion_id = time.time(), deletion_id


def waiting(table: type[Row], project_id: str | None = None, **where: str) -> list[Deletion]:
    """What was deleted in the last UNDO_SECONDS, the last first: of a project, if it is named and rows have one."""
    if project_id and hasattr(table, "project_id"):
        where["project_id"] = project_id
    with db.reading() as session:
        rows = stored.since(session, table, time.time() - UNDO_SECONDS, **where)
    together: dict[str, list[Row]] = {}
    for row in rows:
        together.setdefault(str(row.deletion_id), []).append(row)
    return [Deletion(key, _words(rows), _begun(rows), [str(row.id) for row in rows]) for key, rows in together.items()]


def _begun(rows: Sequence[Deletable]) -> float:
    return min(row.deleted_at or 0.0 for row in rows)


def _words(rows: Sequence[Deletable]) -> str:
    first = rows[0]
    if isinstance(first, Message):
        return _turns_words([row for row in rows if isinstance(row, Message)])
    names = dict(map(_named, rows))
    if len(names) > 1:
        return f"{len(names)} {_MANY[type(first)]} deleted"
    if isinstance(first, Dataset) and len(rows) == 1 and first.version > 1:
        return f"Version {first.version} of {first.name} deleted"
    return f"{next(iter(names.values()))} deleted"


def _named(row: Deletable) -> tuple[Any, str]:
    """What it counts as, together with the versions or branches of it, and its name."""
    match row:
        case Dataset():
            return row.family_id, row.name
        case Chat():
            return row.branch_of or row.id, row.title or "The empty chat"
        case Message():
            return row.id, row.content
    return row.id, row.name


def _turns_words(turns: Sequence[Message]) -> str:
    """Of a question with its answers, or of one answer."""
    turn = next((turn for turn in turns if turn.side == "user"), turns[0])
    text = " ".join(turn.content.split())
    short = text if len(text) <= MOST_WORDS else f"{text[: MOST_WORDS - 1]}…"
    what = "Question" if turn.side == "user" else f"Answer of {turn.model or turn.side}"
    answers = len(turns) - 1
    with_answers = ("", " and answer", f" and {answers} answers")[min(answers, 2)]
    return f"{what}{with_answers} deleted: “{short}”"


def undo(
    table: type[Row], deletion_id: str, comes_back: Callable[[Session, Row], bool], hint: str = "Use the new one."
) -> tuple[str, list[str]]:
    """Brings back what one deletion took away. Returns its words, and the ids of what is there again.

    `comes_back` does what a row needs and says whether it may: not where the same was made again meanwhile; it may
    raise ConflictError for other reasons, and then nothing comes back. Raises NotFoundError when it was brought back
    already or is gone, ConflictError when its time is just over, or when nothing of it may come back.
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
            message = f"`{_named(rows[0])[1]}` was added again meanwhile, so the deleted one does not come back."
            raise ConflictError(message, hint)
        for row in restored:
            row.deleted_at = row.deletion_id = None
        return words, [str(row.id) for row in restored]


def free(table: type[Row], deletion_id: str, remove: Callable[[Any, float], None]) -> list[str]:
    """Removes what one deletion took away without waiting, for a disk that is full. Raises NotFoundError."""
    with db.reading() as session:
        ids = [row.id for row in stored.at_once(session, table, deletion_id)]
    if not ids:
        raise NotFoundError("This is gone already, or was brought back.", "Look at the list again.")
    for row_id in ids:
        remove(row_id, time.time() + LATER_SECONDS)
    return [str(row_id) for row_id in ids]


def remove_due(table: type[Row], noun: str, remove: Callable[[Any, float], None]) -> None:
    """Removes what can no longer be had back: `remove` gets an id, and the time before which it was deleted."""
    over = time.time() - UNDO_SECONDS - LATER_SECONDS
    with db.reading() as session:
        due = stored.due(session, table, over)
    for row_id in due:
        with logs.kept_going(noun, str(row_id)):
            remove(row_id, over)


def remove_row(table: type[Row], row_id: Any, over: float) -> bool:
    """Removes a row with which nothing else goes but what its foreign keys take along. Says whether it was there."""
    with db.session() as session:
        row = stored.row_of(session, table, row_id, over)
        if row is not None:
            session.delete(row)
        return row is not None
