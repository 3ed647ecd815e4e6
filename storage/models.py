"""Base models."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from storage.statuses import ModelStatus
from storage.tables import Backend, Model, Run


def get(db: Session, model_id: str) -> Model | None:
    return db.get(Model, model_id)


def recent(db: Session) -> Sequence[Model]:
    return db.exec(select(Model).order_by(col(Model.created_at).desc())).all()


def by_source(db: Session, source: str, source_id: str) -> Model | None:
    """The model that came from there, if the studio has it already."""
    return db.exec(select(Model).where(Model.source == source, Model.source_id == source_id)).first()


def moving(db: Session) -> Sequence[Model]:
    """Models still being fetched."""
    return db.exec(select(Model).where(Model.status == ModelStatus.QUEUED)).all()


def used_by(db: Session, model_id: str) -> Sequence[Run]:
    return db.exec(select(Run).where(Run.model_id == model_id)).all()


def backends_of(db: Session, model_id: str) -> Sequence[Backend]:
    """Every backend that serves the model, or once did."""
    return db.exec(select(Backend).where(Backend.model_id == model_id)).all()
