"""What people write on a run: name, tags, note, favourite, archive. It can be undone for half a minute."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from engine import names
from engine.errors import ConflictError, NotFoundError
from engine.existing import existing
from engine.runs import deleting
from storage import db
from storage import runs as stored_runs
from storage.run_lists import undo as stored
from storage.run_lists.hiding import SEEING
from storage.tables import Dataset, Model, Run, RunUndo

UNDO_SECONDS = deleting.UNDO_SECONDS
_HINT = f"Only what was done in the last {UNDO_SECONDS} seconds can be undone."

Before = dict[str, list[Any]]  # column -> what it was, what it became


@dataclass(frozen=True)
class Change:
    """New values; None leaves what there is."""

    name: str | None = None
    tags: Sequence[str] | None = None
    note: str | None = None
    favourite: bool | None = None
    archived: bool | None = None

    def checked(self) -> dict[str, Any]:
        """Column -> value as it is kept. Raises RefusedError."""
        values: dict[str, Any] = {"favourite": self.favourite, "archived": self.archived}
        values |= {"name": None if self.name is None else names.checked(self.name, "run")}
        values |= {"tags": None if self.tags is None else names.checked_tags(self.tags, "run")}
        values |= {"note": None if self.note is None else names.checked_note(self.note)}
        return {column: value for column, value in values.items() if value is not None}


def change(run_id: str, change_asked: Change) -> tuple[Run, str | None]:
    """The run with new values, and the id by which that can be undone. Raises NotFoundError, RefusedError."""
    values = change_asked.checked()
    with db.session() as session:
        run = existing(session, Run, run_id)
        words = _words(run, values)
        before = set_values(run, values)
        return run, remember(session, run.project_id, words, {run.id: before})


def _words(run: Run, values: dict[str, Any]) -> str:
    if "name" in values and values["name"] != run.name:
        return f"{run.name} renamed to {values['name']}"
    if "archived" in values and values["archived"] != run.archived:
        return f"{values.get('name', run.name)} {'archived' if values['archived'] else 'taken out of the archive'}"
    return f"{run.name} changed"


def set_values(run: Run, values: dict[str, Any]) -> Before:
    """Sets what differs, and says what it was."""
    changed = {
        column: [getattr(run, column), value] for column, value in values.items() if getattr(run, column) != value
    }
    for column, (_, value) in changed.items():
        setattr(run, column, value)
    return changed


def remember(session: Session, project_id: str, words: str, changes: dict[str, Before]) -> str | None:
    """Keeps what can be undone; returns its id, or None where nothing has changed."""
    changes = {run_id: before for run_id, before in changes.items() if before}
    if not changes:
        return None
    row = RunUndo(project_id=project_id, words=words, changes=changes)
    session.add(row)
    return row.id


@dataclass
class Undoable:
    """One change of so many runs that it is made, and kept for the undo, in parts: `id`, `id-1`, `id-2` ..."""

    id: str
    at: float  # of all parts: when the last of them is made, or later
    parts: int = 0

    def remember(self, session: Session, project_id: str, words: str, changes: dict[str, Before]) -> None:
        """Keeps one more part, in the caller's transaction. `words` say what was done up to now."""
        changes = {run_id: before for run_id, before in changes.items() if before}
        if not changes:
            return
        if self.parts and (first := session.get(RunUndo, self.id)) is not None:
            first.words = words
        part_id = f"{self.id}-{self.parts}" if self.parts else self.id
        session.add(RunUndo(id=part_id, project_id=project_id, words=words, changes=changes, at=self.at))
        self.parts += 1


def delete(run_id: str) -> str:
    """Deletes a run, and returns the id by which it comes back within UNDO_SECONDS. Raises as `deleting.refuse`."""
    with db.session() as session:
        run = existing(session, Run, run_id)
        deleting.refuse(session, run)
        before, reports = deleting.mark(session, run)
        undo_id = remember(session, run.project_id, f"{run.name} deleted", {run.id: before})
    deleting.end_reports(reports)
    return str(undo_id)


def can_be_undone(project_id: str | None = None) -> list[RunUndo]:
    """What was done in the last UNDO_SECONDS, the newest first."""
    with db.reading() as session:
        return stored.since(session, time.time() - UNDO_SECONDS, project_id)


def undo(undo_id: str) -> tuple[str, list[str]]:
    """Takes a change back; what was changed again since then stays. Returns its words, and the runs it was about.

    Raises NotFoundError when it was taken back already or is long over, ConflictError when its time is just over.
    """
    restored = list[str]()
    with db.reading() as session:
        part_ids = stored.parts(session, undo_id)
    for part_id in (
        *part_ids,
        undo_id,
    ):  # the first of its parts last: a kill in between leaves what can be clicked again
        if (part := _take_back(part_id)) is not None:
            restored += part[1]
    if part is None:
        raise NotFoundError("This was undone already, or can no longer be undone.", _HINT)
    return part[0], restored


def _take_back(part_id: str) -> tuple[str, list[str]] | None:
    """Its words and its runs, in a transaction of its own; None where it was taken back already."""
    with db.session() as session:
        row = session.get(RunUndo, part_id, with_for_update=True)
        if row is None:
            return None
        if row.at < time.time() - UNDO_SECONDS:
            raise ConflictError("This can no longer be undone.", _HINT)
        there = stored.runs_of(session, list(row.changes))
        _refuse_without_parents(session, there.values())
        restored = [
            run_id
            for run_id, before in row.changes.items()
            if run_id in there and _restore(session, there[run_id], before)
        ]
        session.delete(row)
        return row.words, restored


def _refuse_without_parents(session: Session, runs: Iterable[Run]) -> None:
    """Raises ConflictError for a run whose dataset or model was deleted after it: that comes back first."""
    for run in runs:
        dataset = session.get(Dataset, run.dataset_id, execution_options=SEEING)
        model = session.get(Model, run.model_id, execution_options=SEEING)
        for parent in (dataset, model):
            if parent is not None and parent.deleted_at is not None:
                message = f"{parent.name}, which {run.name} was trained with, was deleted too."
                raise ConflictError(message, "Undo that first.")


def _restore(session: Session, run: Run, changes: Before) -> bool:
    unchanged = {column: value for column, (value, after) in changes.items() if getattr(run, column) == after}
    key = unchanged.get("idempotency_key")
    if key and stored_runs.by_idempotency_key(session, key):
        del unchanged["idempotency_key"]  # another run was begun with it meanwhile
    for column, value in unchanged.items():
        setattr(run, column, value)
    return bool(unchanged)
