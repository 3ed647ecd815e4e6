"""The registry: models by name, their versions, aliases, followers, log."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, func, or_, update
from sqlmodel import Session, col, select

from storage import evaluations
from storage.tables import (
    AliasFollower,
    Endpoint,
    Export,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    RegistryMove,
    Run,
)

Named = tuple[ModelVersion, RegisteredModel]


def by_name(session: Session, name: str) -> RegisteredModel | None:
    return session.exec(select(RegisteredModel).where(RegisteredModel.name == name)).first()


def recent(
    session: Session, project_id: str | None = None, limit: int = 100, offset: int = 0, named: str = ""
) -> Sequence[RegisteredModel]:
    """The last changed first. `named` is a part of the name."""
    query = select(RegisteredModel).where(*_conditions(project_id, named))
    query = query.order_by(col(RegisteredModel.updated_at).desc(), col(RegisteredModel.id))
    return session.exec(query.offset(offset).limit(limit)).all()


def count(session: Session, project_id: str | None = None, named: str = "") -> int:
    query = select(func.count()).select_from(RegisteredModel).where(*_conditions(project_id, named))
    return session.scalar(query) or 0


def _conditions(project_id: str | None, named: str) -> list[Any]:
    conditions: list[Any] = [RegisteredModel.project_id == project_id] if project_id else []
    return conditions + ([col(RegisteredModel.name).icontains(named, autoescape=True)] if named else [])


def versions(session: Session, registered_id: str, limit: int | None = None, offset: int = 0) -> Sequence[ModelVersion]:
    """The newest first."""
    query = select(ModelVersion).where(ModelVersion.registered_id == registered_id)
    return session.exec(query.order_by(col(ModelVersion.number).desc()).offset(offset).limit(limit)).all()


def gguf_versions(
    session: Session, limit: int, export_ids: Collection[str] | None = None
) -> Sequence[tuple[str, int, Export]]:
    """Name, number and export of each version that is a GGUF file, the newest first."""
    query = select(RegisteredModel.name, ModelVersion.number, Export).where(
        ModelVersion.kind == "gguf", ModelVersion.export_id == Export.id,
        ModelVersion.registered_id == RegisteredModel.id,
    )  # fmt: skip
    query = query if export_ids is None else query.where(col(Export.id).in_(export_ids))
    return session.exec(query.order_by(col(ModelVersion.created_at).desc()).limit(limit)).all()


def exports_with_runs(session: Session, export_ids: Collection[str]) -> Sequence[tuple[Export, str]]:
    """Exports of these ids, with the names of their runs."""
    query = select(Export, Run.name).where(Export.run_id == Run.id, col(Export.id).in_(export_ids))
    return session.exec(query).all()


def version(session: Session, registered_id: str, number: int) -> ModelVersion | None:
    query = select(ModelVersion).where(ModelVersion.registered_id == registered_id, ModelVersion.number == number)
    return session.exec(query).first()


def numbers(session: Session, version_ids: Collection[str]) -> dict[str, int]:
    """Id -> number of those that are there."""
    if not version_ids:
        return {}
    query = select(ModelVersion.id, ModelVersion.number).where(col(ModelVersion.id).in_(version_ids))
    return dict(session.exec(query).all())


def all_versions(session: Session) -> Sequence[Named]:
    """Every version of every model, by name and number."""
    query = select(ModelVersion, RegisteredModel).join(
        RegisteredModel, col(RegisteredModel.id) == ModelVersion.registered_id
    )
    return session.exec(query.order_by(col(RegisteredModel.name), col(ModelVersion.number))).all()


def being_read(session: Session) -> Sequence[ModelVersion]:
    """Versions whose files are being hashed."""
    return session.exec(select(ModelVersion).where(col(ModelVersion.work_id).is_not(None))).all()


def counted_versions(session: Session, registered_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Model id -> how many versions there are, and the newest one's number."""
    query = select(ModelVersion.registered_id, func.count(), func.max(ModelVersion.number))
    query = query.where(col(ModelVersion.registered_id).in_(registered_ids)).group_by(col(ModelVersion.registered_id))
    return {model_id: (counted, newest) for model_id, counted, newest in session.exec(query)}


def led_numbers(session: Session, registered_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Model id -> alias -> the number of the version it leads to."""
    query = select(ModelAlias.registered_id, ModelAlias.alias, ModelVersion.number)
    query = query.where(col(ModelAlias.registered_id).in_(registered_ids), ModelVersion.id == ModelAlias.version_id)
    numbers: dict[str, dict[str, int]] = {}
    for model_id, name, number in session.exec(query.order_by(col(ModelAlias.alias))):
        numbers.setdefault(model_id, {})[name] = number
    return numbers


def next_number(session: Session, registered_id: str) -> int:
    """The number for a version that is added in this transaction, which has to be a writing one."""
    taken = update(RegisteredModel).where(col(RegisteredModel.id) == registered_id)
    taken = taken.values(versions_made=RegisteredModel.versions_made + 1)
    number: int = session.scalars(taken.returning(col(RegisteredModel.versions_made))).one()
    return number


def aliases(session: Session, registered_ids: Sequence[str]) -> Sequence[ModelAlias]:
    """The aliases of some models, in alphabetical order."""
    query = select(ModelAlias).where(col(ModelAlias.registered_id).in_(registered_ids))
    return session.exec(query.order_by(col(ModelAlias.alias))).all()


def alias(session: Session, registered_id: str, name: str) -> ModelAlias | None:
    return session.get(ModelAlias, (registered_id, name))


def led_to(session: Session, version_id: str) -> Sequence[ModelAlias]:
    """The aliases that lead to a version."""
    return session.exec(select(ModelAlias).where(ModelAlias.version_id == version_id)).all()


def move_alias(session: Session, registered_id: str, name: str, before: str | None, after: ModelAlias) -> bool:
    """Makes an alias lead elsewhere if it still leads to the version `before` (None: it is new); says whether."""
    if before is None:
        if alias(session, registered_id, name) is not None:
            return False
        session.add(after)
        return True
    this = (col(ModelAlias.registered_id) == registered_id, col(ModelAlias.alias) == name)
    values = {"version_id": after.version_id, "moved_at": after.moved_at}
    moved = update(ModelAlias).where(*this, col(ModelAlias.version_id) == before).values(**values)
    return session.scalar(moved.returning(col(ModelAlias.alias))) is not None


def followers(
    session: Session, registered_id: str, name: str | None = None
) -> Sequence[tuple[AliasFollower, Endpoint]]:
    """The endpoints that follow an alias of a model, or any of them."""
    query = select(AliasFollower, Endpoint).join(Endpoint, col(Endpoint.id) == AliasFollower.endpoint_id)
    query = query.where(AliasFollower.registered_id == registered_id)
    query = query.where(AliasFollower.alias == name) if name is not None else query
    return session.exec(query.order_by(col(Endpoint.name))).all()


def followed(session: Session, endpoint_ids: Sequence[str]) -> dict[str, str]:
    """Endpoint id -> what it follows, as version:NAME@ALIAS."""
    query = select(AliasFollower.endpoint_id, RegisteredModel.name, AliasFollower.alias)
    query = query.where(col(AliasFollower.endpoint_id).in_(endpoint_ids))
    query = query.where(col(RegisteredModel.id) == AliasFollower.registered_id)
    return {endpoint_id: f"version:{name}@{alias}" for endpoint_id, name, alias in session.exec(query)}


def behind(session: Session) -> Sequence[tuple[AliasFollower, ModelAlias]]:
    """Those of endpoints in use whose alias leads elsewhere than what they were last deployed with."""
    same_model = col(ModelAlias.registered_id) == AliasFollower.registered_id
    query = select(AliasFollower, ModelAlias).join(
        ModelAlias, and_(same_model, col(ModelAlias.alias) == AliasFollower.alias)
    )
    query = query.join(Endpoint, col(Endpoint.id) == AliasFollower.endpoint_id)
    elsewhere = or_(
        col(AliasFollower.version_id).is_(None), col(AliasFollower.version_id) != col(ModelAlias.version_id)
    )
    return session.exec(query.where(elsewhere, col(Endpoint.stopped_at).is_(None))).all()


def measured(session: Session, subjects: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """The evaluations of some subjects that came to their end, the first one first: what a list shows of each.

    A result with the rows that got worse may have megabytes; they stay in the database.
    """
    return evaluations.of_subjects(session, subjects)


def log(session: Session, registered_id: str, limit: int = 100, offset: int = 0) -> Sequence[RegistryMove]:
    """The newest first."""
    query = select(RegistryMove).where(RegistryMove.registered_id == registered_id)
    return session.exec(query.order_by(col(RegistryMove.id).desc()).offset(offset).limit(limit)).all()


def count_log(session: Session, registered_id: str) -> int:
    query = select(func.count()).select_from(RegistryMove).where(RegistryMove.registered_id == registered_id)
    return session.scalar(query) or 0


def last_move(session: Session, registered_id: str, name: str) -> RegistryMove | None:
    """The last move of an alias from one version to another."""
    moved = (RegistryMove.registered_id == registered_id, RegistryMove.alias == name, RegistryMove.action == "moved")
    return session.exec(select(RegistryMove).where(*moved).order_by(col(RegistryMove.id).desc()).limit(1)).first()
