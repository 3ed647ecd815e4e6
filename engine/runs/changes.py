"""What people write on a run: name, tags, note, favourite, archive. It can be undone for half a minute."""

import time
from collections.abc import Sequence
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
    with db.session() as session:
        row = session.get(RunUndo, undo_id, with_for_update=True)
        hint = f"Only what was done in the last {UNDO_SECONDS} seconds can be undone."
        if row is None:
            raise NotFoundError("This cannot be undone any more.", hint)
        if row.at < time.time() - UNDO_SECONDS:
            raise ConflictError("This cannot be undone any more.", hint)
        _refuse_without_parents(session, list(row.changes))
        restored = [run_id for run_id, before in row.changes.items() if _restore(session, run_id, before)]
        session.delete(row)
        return row.words, restored


def _refuse_without_parents(session: Session, run_ids: list[str]) -> None:
    """Raises ConflictError for a run whose dataset or model was deleted after it: that comes back first."""
    for run_id in run_ids:
        if (run := session.get(Run, run_id, execution_options=SEEING)) is None:
            continue
        dataset = session.get(Dataset, run.dataset_id, execution_options=SEEING)
        model = session.get(Model, run.model_id, execution_options=SEEING)
        for parent in (dataset, model):
            if parent is not None and parent.deleted_at is not None:
                message = f"{parent.name}, which {run.name} was trained with, was deleted too."
                raise ConflictError(message, "Undo that first.")


def _restore(session: Session, run_id: str, changes: Before) -> bool:
    run = session.get(Run, run_id, execution_options=SEEING)
    if run is None:
        return False
    unchanged = {column: value for column, (value, after) in changes.items() if getattr(run, column) == after}
    key = unchanged.get("idempotency_key")
    if key and stored_runs.by_idempotency_key(session, key):
        del unchanged["idempotency_key"]  # another run was begun with it meanwhile
    for column, value in unchanged.items():
        setattr(run, column, value)
    return bool(unchanged)
