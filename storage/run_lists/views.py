"""Saved views."""

from sqlmodel import Session, col, func, select

from storage.tables import SavedView


def of_project(session: Session, project_id: str) -> list[SavedView]:
    """By their names."""
    query = select(SavedView).where(SavedView.project_id == project_id)
    return list(session.exec(query.order_by(func.lower(SavedView.name))))


def named(session: Session, project_id: str, name: str) -> SavedView | None:
    return session.exec(select(SavedView).where(SavedView.project_id == project_id, SavedView.name == name)).first()


def count(session: Session, project_id: str) -> int:
    return session.scalar(select(func.count()).where(col(SavedView.project_id) == project_id)) or 0
