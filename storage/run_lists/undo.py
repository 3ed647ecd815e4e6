"""What can be undone."""

from collections.abc import Sequence

from sqlmodel import Session, col, delete, select

from storage.run_lists.hiding import SEEING
from storage.tables import Run, RunUndo


def since(session: Session, at: float, project_id: str | None = None) -> list[RunUndo]:
    """What was done since a time, the newest first; of what was done in parts the first part alone."""
    query = select(RunUndo).where(RunUndo.at >= at, col(RunUndo.id).not_like("%-%")).order_by(col(RunUndo.at).desc())
    return list(session.exec(query.where(RunUndo.project_id == project_id) if project_id else query))


def parts(session: Session, undo_id: str) -> list[str]:
    """Ids of the further parts of what was done in parts."""
    return list(session.exec(select(RunUndo.id).where(col(RunUndo.id).startswith(f"{undo_id}-", autoescape=True))))


def has_old(session: Session, before: float) -> bool:
    return session.exec(select(RunUndo.id).where(RunUndo.at < before).limit(1)).first() is not None


def drop_old(session: Session, before: float) -> None:
    session.exec(delete(RunUndo).where(col(RunUndo.at) < before))


def runs_of(session: Session, run_ids: Sequence[str]) -> dict[str, Run]:
    """Id -> run of those that are there, hidden ones as well. As long as it is held, none is read again."""
    query = select(Run).where(col(Run.id).in_(run_ids)).execution_options(**SEEING)
    return {run.id: run for run in session.exec(query)}
