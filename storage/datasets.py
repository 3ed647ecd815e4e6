"""Datasets."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from storage.statuses import DatasetStatus
from storage.tables import Dataset, Run


def get(db: Session, dataset_id: str) -> Dataset | None:
    return db.get(Dataset, dataset_id)


def recent(db: Session, project_id: str | None = None) -> Sequence[Dataset]:
    query = select(Dataset).order_by(col(Dataset.created_at).desc())
    return db.exec(query.where(Dataset.project_id == project_id) if project_id else query).all()


def moving(db: Session) -> Sequence[Dataset]:
    """Datasets still being imported."""
    return db.exec(select(Dataset).where(Dataset.status == DatasetStatus.IMPORTING)).all()


def used_by(db: Session, dataset_id: str) -> Sequence[Run]:
    return db.exec(select(Run).where(Run.dataset_id == dataset_id)).all()


def with_blob(db: Session, sha256: str) -> Sequence[Dataset]:
    """The datasets that share one columnar file."""
    return db.exec(select(Dataset).where(Dataset.sha256 == sha256)).all()
