"""Files that came by /v1/files."""

from sqlalchemy import or_
from sqlmodel import Session, col, select

from storage import datasets
from storage.tables import Dataset, TuningFile, TuningJob


def get(session: Session, file_id: str) -> TuningFile | None:
    """The file, unless it was deleted."""
    file = session.get(TuningFile, file_id)
    return file if file is not None and file.deleted_at is None else None


def listed(
    session: Session, limit: int, after: TuningFile | None = None, oldest_first: bool = False
) -> list[tuple[TuningFile, Dataset]]:
    """Files with their datasets, the newest first or last; those that come after one of them in that order."""
    query = select(TuningFile, Dataset).where(
        col(TuningFile.dataset_id) == Dataset.id, col(TuningFile.deleted_at).is_(None)
    )
    at, file_id = col(TuningFile.created_at), col(TuningFile.id)
    if after is not None:
        later = at > after.created_at if oldest_first else at < after.created_at
        in_order = file_id > after.id if oldest_first else file_id < after.id
        query = query.where(or_(later, (at == after.created_at) & in_order))
    order = (at, file_id) if oldest_first else (at.desc(), file_id.desc())
    return [(file, dataset) for file, dataset in session.exec(query.order_by(*order).limit(limit))]


def is_needed(session: Session, dataset_id: str) -> bool:
    """Whether a run learns, or once did, from the dataset of a file, or a job is about to."""
    of_it = or_(col(TuningJob.dataset_id) == dataset_id, col(TuningJob.validation_dataset_id) == dataset_id)
    waiting = session.exec(select(TuningJob.id).where(of_it, TuningJob.stage == "validating").limit(1)).first()
    return waiting is not None or bool(datasets.used_by(session, dataset_id))
