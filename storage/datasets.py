"""Datasets."""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache

from sqlalchemy import ColumnElement, Exists, String, cast, func
from sqlalchemy.orm import aliased, defer
from sqlmodel import Session, col, select

from storage.run_lists import columns
from storage.run_lists.hiding import SEEING
from storage.statuses import DatasetStatus
from storage.tables import Dataset, Run
from storage.typed import as_kept

# Kilobytes each; who only lists datasets leaves them in the database.
FOR_A_LIST = [defer(getattr(Dataset, name), raiseload=True) for name in ("origin", "operation", "mapping", "columns")]


def get(session: Session, dataset_id: str) -> Dataset | None:
    return session.get(Dataset, dataset_id)


def recent(
    session: Session, project_id: str | None = None, limit: int | None = None, offset: int = 0
) -> Sequence[Dataset]:
    """Every version of every dataset, what was added last first."""
    query = select(Dataset).order_by(col(Dataset.created_at).desc()).offset(offset).limit(limit)
    return session.exec(query.where(Dataset.project_id == project_id) if project_id else query).all()


def ready_names(session: Session, project_id: str, limit: int) -> Sequence[tuple[str, str]]:
    """(id, name) of those that can be used, what was added last first: a form offers them, and shows no more."""
    mine = (col(Dataset.project_id) == project_id, col(Dataset.status) == DatasetStatus.READY)
    query = select(Dataset.id, Dataset.name).where(*mine)
    return session.exec(query.order_by(col(Dataset.created_at).desc()).limit(limit)).all()


def count(session: Session, project_id: str | None = None) -> int:
    query = select(func.count()).select_from(Dataset)
    return session.scalar(query.where(col(Dataset.project_id) == project_id) if project_id else query) or 0


def newest(
    session: Session, project_id: str | None = None, named: str = "", limit: int | None = None, offset: int = 0
) -> Sequence[Dataset]:
    """The newest version of each dataset, what was added last first, for a list.

    `named` is a part of the name, in any case.
    """
    query = select(Dataset).where(*_newest_in(project_id, named)).options(*FOR_A_LIST)
    return session.exec(query.order_by(col(Dataset.created_at).desc()).offset(offset).limit(limit)).all()


def count_newest(session: Session, project_id: str | None = None, named: str = "") -> int:
    """How many datasets there are, each counted once, whatever versions it has."""
    query = select(func.count()).select_from(Dataset).where(*_newest_in(project_id, named))
    return session.scalar(query) or 0


def older(session: Session, project_id: str) -> Sequence[Dataset]:
    """Versions that have a newer one, what was added last first, for a list."""
    query = select(Dataset).where(Dataset.project_id == project_id, has_newer()).options(*FOR_A_LIST)
    return session.exec(query.order_by(col(Dataset.created_at).desc())).all()


def _newest_in(project_id: str | None, named: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [~has_newer()]
    if project_id:
        conditions.append(col(Dataset.project_id) == project_id)
    if named:
        conditions.append(col(Dataset.name).icontains(as_kept(named), autoescape=True))
    return conditions


@lru_cache(maxsize=1)  # to build it takes longer than to ask it
def has_newer() -> Exists:
    """Of a dataset: whether it has a later version."""
    later = aliased(Dataset)
    same = (later.family_id == Dataset.family_id, col(later.deleted_at).is_(None))
    return select(later.id).where(*same, later.version > Dataset.version).exists()


def names(session: Session, dataset_ids: Iterable[str]) -> dict[str, str]:
    """Id -> name of those that are there."""
    return dict(session.exec(select(Dataset.id, Dataset.name).where(col(Dataset.id).in_(set(dataset_ids)))).all())


def by_id(session: Session, dataset_ids: Iterable[str]) -> dict[str, Dataset]:
    """Id -> dataset, of those that are there."""
    rows = session.exec(select(Dataset).where(col(Dataset.id).in_(set(dataset_ids))))
    return {dataset.id: dataset for dataset in rows}


def family(session: Session, family_id: str) -> Sequence[Dataset]:
    """All versions of a dataset, the newest first."""
    query = select(Dataset).where(Dataset.family_id == family_id)
    return session.exec(query.order_by(col(Dataset.version).desc())).all()


def next_version(session: Session, family_id: str) -> int:
    """The number for a version that is added in this transaction, which has to be a writing one."""
    # PostgreSQL lets two writers in: the second waits here, and then sees what the first has added.
    session.exec(select(Dataset.id).where(Dataset.family_id == family_id).with_for_update()).all()
    greatest = select(func.max(Dataset.version)).where(col(Dataset.family_id) == family_id)
    return 1 + (session.scalar(greatest, execution_options=SEEING) or 0)  # one that was deleted may come back


def join_family(session: Session, dataset: Dataset) -> None:
    """Makes it the next version, called, tagged and described as the one before it. In a writing transaction."""
    dataset.version = next_version(session, dataset.family_id)
    if earlier := family(session, dataset.family_id):
        dataset.name, dataset.tags, dataset.description = earlier[0].name, earlier[0].tags, earlier[0].description


def made_from(session: Session, project_id: str, parents: list[str]) -> Sequence[Dataset]:
    """The datasets of a project that were made from exactly these, what was added last first."""
    same_parents = cast(col(Dataset.parents), String) == json.dumps(parents)  # PostgreSQL compares no JSON
    query = select(Dataset).where(Dataset.project_id == project_id, same_parents)
    return session.exec(query.order_by(col(Dataset.created_at).desc())).all()


def from_source(session: Session, project_id: str, source: str) -> Dataset | None:
    """The newest dataset of that source that is ready, or will be."""
    usable = col(Dataset.status).in_((DatasetStatus.READY, DatasetStatus.IMPORTING))
    query = select(Dataset).where(Dataset.project_id == project_id, Dataset.source == source, usable)
    return session.exec(query.order_by(col(Dataset.created_at).desc()).limit(1)).first()


def mapped(session: Session, project_id: str) -> Sequence[Dataset]:
    """Those whose columns a person has mapped, the newest first."""
    query = select(Dataset).where(Dataset.project_id == project_id, col(Dataset.mapping).is_not(None))
    return session.exec(query.order_by(col(Dataset.created_at).desc())).all()


def moving(session: Session) -> Sequence[Dataset]:
    """Datasets still being imported."""
    return session.exec(select(Dataset).where(Dataset.status == DatasetStatus.IMPORTING)).all()


def used_by(session: Session, dataset_id: str) -> Sequence[Run]:
    """The runs that learn from it, or once did, without recipe and facts."""
    return session.exec(select(Run).where(Run.dataset_id == dataset_id).options(*columns.FOR_A_LIST)).all()


def with_blob(session: Session, sha256: str) -> Sequence[Dataset]:
    """The datasets that share one columnar file, those too that were deleted and may come back."""
    return session.exec(select(Dataset).where(Dataset.sha256 == sha256), execution_options=SEEING).all()
