"""Models that are deleted: hidden at once, had back for half a minute, then gone with what was fetched."""

import contextlib
from collections.abc import Sequence

from sqlmodel import Session

from engine import deleted, listed
from engine.errors import ConflictError
from engine.existing import existing, refuse_held
from engine.models import models
from engine.process import process, trash, work
from engine.recipes import auxiliary_models
from storage import db, home
from storage import models as stored
from storage.lists import deleted as stored_deleted
from storage.run_lists import hiding
from storage.statuses import RUN_MOVING, SERVING_KEPT, ModelStatus
from storage.tables import Model
from storage.tables.columns import new_id


def delete_model(model_id: str, deletion_id: str = "") -> str:
    """Hides the model; a download under way ends, and a local folder is never touched.

    Returns the id by which it comes back within UNDO_SECONDS. Raises NotFoundError, ConflictError.
    """
    deletion_id = deletion_id or new_id()
    with db.reading() as session:
        refuse_used(session, existing(session, Model, model_id))
    if models.look_up(model_id).status == ModelStatus.QUEUED:
        with contextlib.suppress(ConflictError):  # it has just ended by itself
            models.cancel_model(model_id)
    with db.session() as session:
        model = existing(session, Model, model_id)
        refuse_used(session, model)
        deleted.mark([model], deletion_id)
    process.end(home.model_folder(model_id))
    return deletion_id


def delete_all(model_ids: Sequence[str]) -> listed.Outcome:
    """The same with several models, undone together. Raises RefusedError for none, or too many."""
    deletion_id = new_id()
    outcome = listed.with_each(model_ids, "model", lambda model_id: delete_model(model_id, deletion_id))
    return listed.Outcome(outcome.done, outcome.refused, deletion_id if outcome.done else None)


def refuse_used(session: Session, model: Model) -> None:
    """Raises ConflictError while a version holds it, something runs with it, or a run needs it."""
    refuse_held(session, model, f"The model {model.name}")
    runs = stored.used_by(session, model.id)
    if moving_runs := [run for run in runs if run.status in RUN_MOVING]:
        run_names = ", ".join(run.name for run in moving_runs[:5])
        raise ConflictError(f"The model {model.name} is being trained ({run_names}).", "Stop that run first.")
    if users := auxiliary_models.runs_asking(session, model.id):
        message = f"The run {users[0].name} uses the model {model.name} while it trains."
        raise ConflictError(message, "Stop that run first.")
    if any(backend.status in SERVING_KEPT for backend in stored.backends_of(session, model.id)):
        raise ConflictError(f"The model {model.name} is being served.", "Stop its endpoint on the Serve page first.")
    if runs:
        message = f"{len(runs)} runs were trained on {model.name}, and their adapters do not work without it."
        raise ConflictError(message, "Delete those runs first.")


def undo(deletion_id: str) -> tuple[str, list[str]]:
    """Brings models back; see `engine.deleted.undo`. One that was added again meanwhile does not come back."""
    return deleted.undo(Model, deletion_id, _comes_back)


def _comes_back(session: Session, model: Model) -> bool:
    return stored.by_source(session, model.source, model.source_id) is None


def free(deletion_id: str) -> list[str]:
    """Removes the files of a deletion at once. Raises NotFoundError."""
    return deleted.free(Model, deletion_id, _remove)


def remove_due() -> None:
    """Removes what was deleted and can no longer be had back."""
    deleted.remove_due(Model, models.NOUN, _remove)


def _remove(model_id: str, over: float) -> None:
    """The row first: a kill after that leaves a folder that nobody knows, which the sweeper takes away."""
    with db.session() as session:
        model = stored_deleted.row_of(session, Model, model_id, over)
        if model is None:
            return
        if stored.used_by(session, model_id):  # a run began with it in the instant it was deleted
            model.deleted_at = model.deletion_id = None
            return
        hiding.drop_hidden(session, "model_id", model_id)
        for backend in stored.backends_of(session, model_id):
            backend.model_id = None  # it has ended; its endpoint's history stays
        session.flush()
        session.delete(model)
    work.forget_subject(model_id)
    folder = home.model_folder(model_id)
    process.end(folder)
    trash.discard(folder)
