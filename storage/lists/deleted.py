"""Datasets and models that were deleted and can still be had back."""

from collections.abc import Sequence
from typing import TypeVar

from sqlmodel import Session, col, select

from storage.run_lists.hiding import SEEING
from storage.tables import Dataset, Model

Row = TypeVar("Row", Dataset, Model)
MOST_A_ROUND = 50


def since(session: Session, table: type[Row], at: float, project_id: str | None = None) -> Sequence[Row]:
    """What was deleted since a time, the last first."""
    query = select(table).where(col(table.deleted_at) >= at).order_by(col(table.deleted_at).desc())
    if project_id and table is Dataset:
        query = query.where(col(Dataset.project_id) == project_id)
    return session.exec(query, execution_options=SEEING).all()


def at_once(session: Session, table: type[Row], deletion_id: str) -> Sequence[Row]:
    """What one deletion took away."""
    query = select(table).where(col(table.deletion_id) == deletion_id, col(table.deleted_at).is_not(None))
    return session.exec(query.with_for_update(), execution_options=SEEING).all()


def due(session: Session, table: type[Row], before: float) -> Sequence[str]:
    """Ids of what was deleted before a time."""
    query = select(table.id).where(col(table.deleted_at) < before).order_by(col(table.deleted_at)).limit(MOST_A_ROUND)
    return session.exec(query, execution_options=SEEING).all()


def row_of(session: Session, table: type[Row], row_id: str, before: float) -> Row | None:
    """The row, if it is still deleted, and was before a time."""
    row = session.get(table, row_id, execution_options=SEEING)
    return row if row is not None and row.deleted_at is not None and row.deleted_at < before else None
