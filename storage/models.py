"""Base models."""

from collections.abc import Iterable, Sequence

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage import home
from storage.run_lists import columns
from storage.statuses import ModelStatus
from storage.tables import Backend, Model, Run


def get(session: Session, model_id: str) -> Model | None:
    return session.get(Model, model_id)


def follow_home(session: Session) -> None:
    """After the home was moved or copied, the models that lie in it are read where they are now."""
    fetched = select(Model).where(Model.source != "path", col(Model.path).is_not(None))
    for model in session.exec(fetched):
        files = home.model_folder(model.id) / "files"
        if model.path != str(files) and files.is_dir():
            model.path = str(files)


def recent(session: Session, limit: int | None = None, offset: int = 0) -> Sequence[Model]:
    return session.exec(select(Model).order_by(col(Model.created_at).desc()).offset(offset).limit(limit)).all()


def ready_names(session: Session, limit: int) -> Sequence[tuple[str, str]]:
    """(id, name) of those that can be used, the newest first: a form offers them, and shows no more."""
    query = select(Model.id, Model.name).where(Model.status == ModelStatus.READY)
    return session.exec(query.order_by(col(Model.created_at).desc()).limit(limit)).all()


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Model)) or 0


def has_source(session: Session, source: str) -> bool:
    """Whether any model came from there: starter, hub or path."""
    return session.exec(select(Model.id).where(Model.source == source)).first() is not None


def by_id(session: Session, model_ids: Iterable[str]) -> dict[str, Model]:
    """The models of these ids, by one query."""
    return {model.id: model for model in session.exec(select(Model).where(col(Model.id).in_(set(model_ids))))}


def names(session: Session, model_ids: Iterable[str]) -> dict[str, str]:
    """Id -> name of those that are there."""
    return dict(session.exec(select(Model.id, Model.name).where(col(Model.id).in_(set(model_ids)))).all())


def by_source(session: Session, source: str, source_id: str) -> Model | None:
    """The model that came from there, if the studio has it already."""
    return session.exec(select(Model).where(Model.source == source, Model.source_id == source_id)).first()


def moving(session: Session) -> Sequence[Model]:
    """Models still being fetched."""
    return session.exec(select(Model).where(Model.status == ModelStatus.QUEUED)).all()


def used_by(session: Session, model_id: str) -> Sequence[Run]:
    """The runs that were trained on it, without recipe and facts."""
    return session.exec(select(Run).where(Run.model_id == model_id).options(*columns.FOR_A_LIST)).all()


def backends_of(session: Session, model_id: str) -> Sequence[Backend]:
    """Every backend that serves the model, or once did."""
    return session.exec(select(Backend).where(Backend.model_id == model_id)).all()
