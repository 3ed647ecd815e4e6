"""Projects: what everything else belongs to."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from storage.tables import Project


def get(db: Session, project_id: str) -> Project | None:
    return db.get(Project, project_id)


def all_projects(db: Session, archived: bool = False) -> Sequence[Project]:
    """The projects in use, or with `archived` all of them, oldest first."""
    query = select(Project).order_by(col(Project.created_at))
    return db.exec(query if archived else query.where(col(Project.archived).is_(False))).all()


def by_name(db: Session, name: str) -> Project | None:
    return db.exec(select(Project).where(Project.name == name)).first()
