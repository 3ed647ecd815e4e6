"""Evaluations that are deleted: hidden at once, had back for half a minute, then gone with what they wrote."""

from sqlmodel import Session

from engine import deleted
from engine.errors import ConflictError
from engine.evaluate import evaluations
from engine.existing import existing
from engine.process import work
from storage import db
from storage import evaluations as stored
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Evaluation, Run
from storage.tables.columns import new_id

NOUN = "evaluations"


def delete(evaluation_id: str) -> str:
    """Hides it; one on its way is stopped. Returns the id by which it comes back within UNDO_SECONDS.

    Raises NotFoundError; ConflictError for the first report of a run, which proves it.
    """
    deletion_id = new_id()
    with db.session() as session:
        row = existing(session, Evaluation, evaluation_id)
        if row.run_id and row.status == WorkStatus.SUCCEEDED:
            _refuse_first(session, row)
        is_moving = row.status in WORK_MOVING
        if is_moving:
            evaluations.end_early(row)
        deleted.mark([row], deletion_id)
    if is_moving:
        work.forget_subject(evaluation_id)
    return deletion_id


def _refuse_first(session: Session, row: Evaluation) -> None:
    if evaluations.is_first(stored.of_run(session, str(row.run_id)), row):
        message = "This is the first report on its run, and the one that counts."
        raise ConflictError(message, "Delete the run, and its reports go with it.")


def undo(deletion_id: str) -> tuple[str, list[str]]:
    """Brings evaluations back; see `engine.deleted.undo`. One that was on its way comes back stopped."""
    return deleted.undo(Evaluation, deletion_id, _comes_back)


def _comes_back(session: Session, row: Evaluation) -> bool:
    if row.run_id and session.get(Run, row.run_id) is None:
        raise ConflictError("The run that it is a report on was deleted too.", "Undo that first.")
    return True


def free(deletion_id: str) -> list[str]:
    """Removes them at once, with what their workers wrote. Raises NotFoundError."""
    return deleted.free(Evaluation, deletion_id, _remove)


def remove_due() -> None:
    """Removes what was deleted and can no longer be had back."""
    deleted.remove_due(Evaluation, NOUN, _remove)


def _remove(evaluation_id: str, over: float) -> None:
    if deleted.remove_row(Evaluation, evaluation_id, over):
        work.forget_subject(evaluation_id)
