"""What was deleted and can still be had back, of every table that has such rows but runs, which have their own way."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from storage.run_lists.hiding import SEEING
from storage.tables import Chat, Dataset, Evaluation, Message, Model, Snippet, Sweep

Row = TypeVar("Row", Dataset, Model, Chat, Message, Snippet, Evaluation, Sweep)
Deletable = Dataset | Model | Chat | Message | Snippet | Evaluation | Sweep
MOST_A_ROUND = 50


def since(session: Session, table: type[Row], at: float, **where: str) -> Sequence[Row]:
    """What was deleted since a time, the last first; with `where` only rows with these values in their columns."""
    query = select(table).where(col(table.deleted_at) >= at).order_by(col(table.deleted_at).desc())
    query = query.where(*(getattr(table, column) == value for column, value in where.items()))
    return session.exec(query, execution_options=SEEING).all()


def at_once(session: Session, table: type[Row], deletion_id: str) -> Sequence[Row]:
    """What one deletion took away."""
    query = select(table).where(col(table.deletion_id) == deletion_id, col(table.deleted_at).is_not(None))
    return session.exec(query.with_for_update(), execution_options=SEEING).all()


def due(session: Session, table: type[Row], before: float) -> Sequence[Any]:
    """Ids of what was deleted before a time."""
    query = select(table.id).where(col(table.deleted_at) < before).order_by(col(table.deleted_at)).limit(MOST_A_ROUND)
    return session.exec(query, execution_options=SEEING).all()


def row_of(session: Session, table: type[Row], row_id: Any, before: float) -> Row | None:
    """The row, if it is still deleted, and was before a time."""
    row = session.get(table, row_id, execution_options=SEEING)
    return row if row is not None and row.deleted_at is not None and row.deleted_at < before else None
