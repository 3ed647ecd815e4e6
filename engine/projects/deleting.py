"""A project is deleted with all that is in it, for good.

One transaction takes it away: rows of what is small are removed, runs and datasets are hidden and handed to the default
project as deleted long ago, and the project itself goes. Their rows and folders are removed by the chores that do so
with whatever was deleted (engine.runs.deleting, engine.data.deleting), some a round. So a kill leaves either the whole
project or none of it; folders that it leaves belong to nothing, and the sweeper takes them (engine.life.orphans).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import select, update
from sqlmodel import Session

from engine import deleted
from engine.errors import RefusedError
from engine.existing import existing
from engine.process import process, trash, work
from engine.projects import contents, refusals
from engine.projects.contents import Contents
from engine.serve import backend_plan, routing
from storage import db, home
from storage.tables import DEFAULT_PROJECT as DEFAULT
from storage.tables import (
    Backend,
    Benchmark,
    Chat,
    Dataset,
    Endpoint,
    Evaluation,
    Lesson,
    ModelVersion,
    Project,
    RegisteredModel,
    Run,
    RunUndo,
    SavedView,
    Snippet,
    Sweep,
    Tuner,
    TuningJob,
)

HIDDEN: tuple[Any, ...] = (Run, Dataset)  # with rows and files that take long to remove
FORGOTTEN: tuple[Any, ...] = (
    Chat, Snippet, Evaluation, Sweep, Benchmark, Tuner, Endpoint, TuningJob, Lesson, SavedView, RunUndo,
)  # fmt: skip


@dataclass(frozen=True)
class _Left:
    """Ids of what has folders or work, read before the rows go."""

    subjects: Sequence[str]
    backends: Sequence[str]
    folders: dict[str, Sequence[str]]


def delete(project_id: str, typed: str) -> Contents:
    """Deletes a project; `typed` is its name, as the person who wants that has written it. Returns what went with it.

    Raises NotFoundError; RefusedError for another name; ConflictError for the default project, while something in it
    moves or is served, or where another project uses something of it.
    """
    went = contents.of(project_id)
    if " ".join(typed.split()) != went.name:
        hint = f"Write `{went.name}` to delete it with all that is in it."
        raise RefusedError(f"{typed[:80]!r} is not the name of the project.", hint)
    with db.session() as session:
        project = existing(session, Project, project_id)
        refusals.refuse(session, project)
        left = _left(session, project_id)
        session.execute(delete_rows(RegisteredModel).where(_of(RegisteredModel, project_id)))
        refusals.refuse_runs(session, project_id)
        _take_away(session, project_id)
    _clear(left)
    return went


def _of(table: Any, project_id: str) -> Any:
    return table.__table__.c.project_id == project_id


def _left(session: Session, project_id: str) -> _Left:
    def ids(table: Any, *of: Any) -> Sequence[str]:
        return (
            session.connection().scalars(select(table.__table__.c.id).where(*(of or (_of(table, project_id),)))).all()
        )

    endpoints, models = ids(Endpoint), ids(RegisteredModel)
    versions = ids(ModelVersion, ModelVersion.__table__.c.registered_id.in_(models))  # type: ignore[attr-defined]
    backends = ids(Backend, Backend.__table__.c.endpoint_id.in_(endpoints))  # type: ignore[attr-defined]
    sweeps = ids(Sweep)
    subjects = [*ids(Evaluation), *ids(Benchmark), *sweeps, *endpoints, *versions]
    return _Left(subjects, backends, {"sweeps": sweeps, "endpoints": endpoints, "registry": models})


def _take_away(session: Session, project_id: str) -> None:
    over = time.time() - deleted.UNDO_SECONDS - deleted.LATER_SECONDS - 1
    gone: dict[Any, dict[str, Any]] = {Run: {"idempotency_key": None}, Dataset: {"deletion_id": None}}
    for table in HIDDEN:
        values = {"deleted_at": over, "project_id": DEFAULT, **gone[table]}
        session.connection().execute(update(table.__table__).where(_of(table, project_id)).values(values))
    for table in FORGOTTEN:
        session.connection().execute(delete_rows(table.__table__).where(_of(table, project_id)))
    session.connection().execute(delete_rows(Project.__table__).where(Project.__table__.c.id == project_id))  # type: ignore[attr-defined]


def _clear(left: _Left) -> None:
    """Files and work of what is gone."""
    routing.forget()
    for subject_id in left.subjects:
        work.forget_subject(subject_id)
    for noun, ids in left.folders.items():
        for row_id in ids:
            trash.discard(home.folder(noun, row_id))
    for backend_id in left.backends:
        process.end(home.backend_folder(backend_id))
        backend_plan.clear(backend_id)
        trash.discard(home.backend_folder(backend_id))
