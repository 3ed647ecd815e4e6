"""Sweeps that are deleted: hidden at once, had back for half a minute, then gone with their trials. Their runs stay."""

from sqlmodel import Session

from engine import deleted
from engine.errors import ConflictError
from engine.existing import existing
from engine.process import trash, work
from storage import db, home
from storage.statuses import SWEEP_MOVING
from storage.sweeps import sweeps as stored
from storage.sweeps import trials
from storage.tables import Sweep
from storage.tables.columns import new_id

NOUN = "sweeps"


def delete(sweep_id: str) -> str:
    """Hides a sweep and its trials; their runs become runs of their own.

    Returns the id by which it comes back within UNDO_SECONDS. Raises NotFoundError, and
    ConflictError while it is under way.
    """
    deletion_id = new_id()
    with db.session() as session:
        sweep = existing(session, Sweep, sweep_id)
        if sweep.status in SWEEP_MOVING:
            raise ConflictError(f"The sweep `{sweep.name}` is {sweep.status.value}.", "Stop it first.")
        sweep.let_go = trials.let_go(session, sweep_id)
        deleted.mark([sweep], deletion_id)
    return deletion_id


def undo(deletion_id: str) -> tuple[str, list[str]]:
    """Brings sweeps back with their trials; see `engine.deleted.undo`. Not where its name was given again meanwhile."""
    return deleted.undo(Sweep, deletion_id, _comes_back, "Use the new one, or delete it first.")


def _comes_back(session: Session, sweep: Sweep) -> bool:
    if stored.by_name(session, sweep.project_id, sweep.name) is not None:
        return False
    trials.take_back(session, sweep.id, sweep.let_go or [])
    sweep.let_go = None
    return True


def free(deletion_id: str) -> list[str]:
    """Removes them at once. Raises NotFoundError."""
    return deleted.free(Sweep, deletion_id, _remove)


def remove_due() -> None:
    """Removes what was deleted and can no longer be had back."""
    deleted.remove_due(Sweep, NOUN, _remove)


def _remove(sweep_id: str, over: float) -> None:
    """The row first: a kill after that leaves a folder that nobody knows, which the sweeper takes away."""
    if deleted.remove_row(Sweep, sweep_id, over):
        work.forget_subject(sweep_id)
        trash.discard(home.folder(NOUN, sweep_id))
