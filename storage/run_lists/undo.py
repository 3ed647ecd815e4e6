"""What can be undone."""

from sqlmodel import Session, col, delete, select

from storage.tables import RunUndo


def since(session: Session, at: float, project_id: str | None = None) -> list[RunUndo]:
    """What was done since a time, the newest first."""
    query = select(RunUndo).where(RunUndo.at >= at).order_by(col(RunUndo.at).desc())
    return list(session.exec(query.where(RunUndo.project_id == project_id) if project_id else query))


def has_old(session: Session, before: float) -> bool:
    return session.exec(select(RunUndo.id).where(RunUndo.at < before).limit(1)).first() is not None


def drop_old(session: Session, before: float) -> None:
    session.exec(delete(RunUndo).where(col(RunUndo.at) < before))
