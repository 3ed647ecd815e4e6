"""Projects: what datasets, runs, endpoints and chats belong to. There is always the default one."""

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from engine import names
from engine.errors import ConflictError
from engine.existing import existing
from storage import db
from storage import projects as stored
from storage.tables import DEFAULT_PROJECT, Project

LONGEST_NAME = 80


def create_project(name: str) -> Project:
    """A new, empty project. Raises ConflictError when the name is taken."""
    project = Project(name=names.checked(name, "project", LONGEST_NAME))
    try:
        with db.session() as session:
            _refuse_taken(session, project)
            session.add(project)
    except IntegrityError as error:  # another process took the name in the same instant
        raise _taken(project.name) from error
    return project


def rename_project(project_id: str, name: str) -> Project:
    """Raises NotFoundError, or ConflictError when another project has that name."""
    with db.session() as session:
        project = existing(session, Project, project_id)
        project.name = names.checked(name, "project", LONGEST_NAME)
        with session.no_autoflush:
            _refuse_taken(session, project)
    return project


def archive_project(project_id: str) -> Project:
    """Hides a project; nothing in it is deleted or stopped. The default one stays, as new things need a place."""
    if project_id == DEFAULT_PROJECT:
        raise ConflictError("The default project cannot be archived.", "New things go there when no other is chosen.")
    return _set_archived(project_id, True)


def restore_project(project_id: str) -> Project:
    return _set_archived(project_id, False)


def look_up(project_id: str) -> Project:
    """Raises NotFoundError."""
    with db.reading() as session:
        return existing(session, Project, project_id)


def _set_archived(project_id: str, archived: bool) -> Project:
    with db.session() as session:
        project = existing(session, Project, project_id)
        project.archived = archived
    return project


def _refuse_taken(session: Session, project: Project) -> None:
    other = stored.by_name(session, project.name)
    if other is not None and other.id != project.id:
        raise _taken(project.name)


def _taken(name: str) -> ConflictError:
    return ConflictError(f"There is a project named `{name}` already.", "Choose another name.")
