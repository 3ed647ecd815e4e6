"""Projects: what everything else belongs to."""

from collections.abc import Sequence

from sqlalchemy import bindparam, func
from sqlmodel import Session, col, select

from storage.tables import Lesson, Project

# What every page asks for: Session.get builds its statement anew each time, which takes longer than to ask it.
_BY_ID = select(Project).where(col(Project.id) == bindparam("project"))
_LESSON = select(Lesson).where(col(Lesson.project_id) == bindparam("project"))


def get(session: Session, project_id: str) -> Project | None:
    return session.exec(_BY_ID, params={"project": project_id}).first()


def lesson(session: Session, project_id: str) -> Lesson | None:
    """The first lesson of a project, if it was ever started."""
    return session.exec(_LESSON, params={"project": project_id}).first()


def all_projects(
    session: Session, archived: bool = False, limit: int | None = None, offset: int = 0
) -> Sequence[Project]:
    """The projects in use, or with `archived` all of them, oldest first."""
    query = select(Project).order_by(col(Project.created_at)).offset(offset).limit(limit)
    return session.exec(query if archived else query.where(col(Project.archived).is_(False))).all()


def count(session: Session, archived: bool = False) -> int:
    query = select(func.count()).select_from(Project)
    return session.scalar(query if archived else query.where(col(Project.archived).is_(False))) or 0


def by_name(session: Session, name: str) -> Project | None:
    return session.exec(select(Project).where(Project.name == name)).first()
