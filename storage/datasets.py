"""Datasets."""

from collections.abc import Sequence

from sqlalchemy import and_, func
from sqlmodel import Session, col, select

from storage.statuses import DatasetStatus
from storage.tables import Dataset, Run


def get(db: Session, dataset_id: str) -> Dataset | None:
    return db.get(Dataset, dataset_id)


def recent(db: Session, project_id: str | None = None) -> Sequence[Dataset]:
    query = select(Dataset).order_by(col(Dataset.created_at).desc())
    return db.exec(query.where(Dataset.project_id == project_id) if project_id else query).all()


def newest(db: Session, project_id: str | None = None) -> Sequence[Dataset]:
    """The newest version of each dataset, what was added last first."""
    last = select(Dataset.family_id, func.max(Dataset.version).label("version")).group_by(col(Dataset.family_id))
    found = last.subquery()
    query = select(Dataset).join(
        found, and_(col(Dataset.family_id) == found.c.family_id, col(Dataset.version) == found.c.version)
    )
    query = query.order_by(col(Dataset.created_at).desc())
    return db.exec(query.where(Dataset.project_id == project_id) if project_id else query).all()


def family(db: Session, family_id: str) -> Sequence[Dataset]:
    """All versions of a dataset, the newest first."""
    query = select(Dataset).where(Dataset.family_id == family_id)
    return db.exec(query.order_by(col(Dataset.version).desc(), col(Dataset.created_at).desc())).all()


def mapped(db: Session, project_id: str) -> Sequence[Dataset]:
    """Those whose columns a person has mapped, the newest first."""
    query = select(Dataset).where(Dataset.project_id == project_id, col(Dataset.mapping).is_not(None))
    return db.exec(query.order_by(col(Dataset.created_at).desc())).all()


def moving(db: Session) -> Sequence[Dataset]:
    """Datasets still being imported."""
    return db.exec(select(Dataset).where(Dataset.status == DatasetStatus.IMPORTING)).all()


def used_by(db: Session, dataset_id: str) -> Sequence[Run]:
    return db.exec(select(Run).where(Run.dataset_id == dataset_id)).all()


def with_blob(db: Session, sha256: str) -> Sequence[Dataset]:
    """The datasets that share one columnar file."""
    return db.exec(select(Dataset).where(Dataset.sha256 == sha256)).all()
