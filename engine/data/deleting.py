"""Datasets that are deleted: hidden at once, had back for half a minute, then gone with rows and files."""

from collections.abc import Sequence

from sqlmodel import Session

from engine import deleted, listed
from engine.data import importing
from engine.errors import ConflictError
from engine.existing import existing
from engine.process import process, trash, work
from storage import datasets as stored
from storage import db, home
from storage.lists import deleted as stored_deleted
from storage.run_lists import hiding
from storage.statuses import RUN_MOVING, DatasetStatus
from storage.tables import Dataset, Run
from storage.tables.columns import new_id

NOUN = "datasets"


def delete(dataset_id: str) -> str:
    """Hides one version; an import under way ends. Returns the id by which it comes back within UNDO_SECONDS.

    Raises NotFoundError, ConflictError.
    """
    deletion_id = new_id()
    with db.session() as session:
        stopped = _hide(session, [existing(session, Dataset, dataset_id)], deletion_id)
    _end(stopped)
    return deletion_id


def delete_family(dataset_id: str, deletion_id: str = "") -> str:
    """The same with every version of a dataset; with none where a run uses one."""
    deletion_id = deletion_id or new_id()
    with db.session() as session:
        versions = stored.family(session, existing(session, Dataset, dataset_id).family_id)
        stopped = _hide(session, versions, deletion_id)
    _end(stopped)
    return deletion_id


def delete_all(dataset_ids: Sequence[str]) -> listed.Outcome:
    """The same with several datasets, undone together. Raises RefusedError for none, or too many."""
    deletion_id = new_id()
    outcome = listed.with_each(dataset_ids, "dataset", lambda dataset_id: delete_family(dataset_id, deletion_id))
    return listed.Outcome(outcome.done, outcome.refused, deletion_id if outcome.done else None)


def _hide(session: Session, versions: Sequence[Dataset], deletion_id: str) -> list[Dataset]:
    """Returns those whose import was under way: their processes are ended after the transaction."""
    for version in versions:
        refuse_used(version, stored.used_by(session, version.id))
    imported = [version for version in versions if version.status == DatasetStatus.IMPORTING]
    for version in imported:
        importing.fail(version, "The import was stopped.", "Import the file again.")
    deleted.mark(versions, deletion_id)
    return imported


def _end(versions: Sequence[Dataset]) -> None:
    for version in versions:
        importing.end(version)


def refuse_used(dataset: Dataset, runs: Sequence[Run]) -> None:
    """Raises ConflictError when runs learn from it, or once did."""
    for run in sorted(runs, key=lambda run: run.status not in RUN_MOVING):
        hint = "Stop the run first, then delete it." if run.status in RUN_MOVING else "Delete the run first."
        raise ConflictError(f"Run `{run.name}` uses dataset `{dataset.name}`.", hint)


def undo(deletion_id: str) -> tuple[str, list[str]]:
    """Brings datasets back; see `engine.deleted.undo`."""
    return deleted.undo(Dataset, deletion_id, _comes_back)


def _comes_back(session: Session, dataset: Dataset) -> bool:
    """With the name, tags and description that its other versions have by now."""
    if others := stored.family(session, dataset.family_id):
        dataset.name, dataset.tags, dataset.description = others[0].name, others[0].tags, others[0].description
    return True


def free(deletion_id: str) -> list[str]:
    """Removes rows and files of a deletion at once. Raises NotFoundError."""
    return deleted.free(Dataset, deletion_id, _remove)


def remove_due() -> None:
    """Removes what was deleted and can no longer be had back."""
    deleted.remove_due(Dataset, NOUN, _remove)


def _remove(dataset_id: str, over: float) -> None:
    """The row first: a kill after that leaves a folder that nobody knows, which the sweeper takes away."""
    with db.session() as session:
        dataset = stored_deleted.row_of(session, Dataset, dataset_id, over)
        if dataset is None:
            return
        if stored.used_by(session, dataset_id):  # a run began with it in the instant it was deleted
            dataset.deleted_at = dataset.deletion_id = None
            return
        hiding.drop_hidden(session, "dataset_id", dataset_id)
        session.delete(dataset)
        session.flush()
        if dataset.sha256 and not stored.with_blob(session, dataset.sha256):
            # Inside the transaction: nobody can begin to share it meanwhile.
            trash.discard(home.blobs() / f"{dataset.sha256}.parquet")
    work.forget_subject(dataset_id)
    process.end(home.dataset_folder(dataset_id))
    trash.discard(home.dataset_folder(dataset_id))
