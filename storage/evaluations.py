"""Evaluations: reports on runs, and comparisons of any two models."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, cast, func, or_, tuple_
from sqlmodel import Session, col, select

from storage.queued import state as queue_state
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Evaluation, Lease, Lesson
from storage.typed import as_kept

Picked = dict[str, Any]
LESSON_ON_ITS_WAY = ("training", "serving")
OF_ROW = (
    "id", "name", "subject", "against", "dataset_id", "run_id", "tags", "status", "error", "hint", "work_id", "seed",
    "created_at",
)  # fmt: skip
OF_RESULT = (
    "verdict", "sentence", "but_worse", "primary", "metrics", "rows", "all_rows", "part", "dataset_name", "skills",
    "subject_title", "against_title",
)  # fmt: skip


@dataclass(frozen=True)
class Filter:
    """What a list shows: all of it when empty. `search` looks in names and subjects."""

    project_id: str | None = None
    search: str = ""
    tag: str = ""
    run_id: str | None = None
    statuses: tuple[WorkStatus, ...] = ()  # any of these

    def apply(self, query: Any) -> Any:
        table: Any = Evaluation
        query = query.where(table.project_id == self.project_id) if self.project_id else query
        query = query.where(table.run_id == self.run_id) if self.run_id else query
        query = query.where(table.status.in_(self.statuses)) if self.statuses else query
        if self.search:
            words = (table.name, table.subject, table.against)
            said = as_kept(self.search)
            query = query.where(or_(*(word.icontains(said, autoescape=True) for word in words)))
        # JSON keeps a tag between quotation marks, in every database.
        return query.where(cast(table.tags, String).contains(f'"{self.tag}"', autoescape=True)) if self.tag else query


def get(session: Session, evaluation_id: str) -> Evaluation | None:
    return session.get(Evaluation, evaluation_id)


def recent(session: Session, filters: Filter, limit: int = 100, offset: int = 0) -> Sequence[Evaluation]:
    """The newest first."""
    query = filters.apply(select(Evaluation)).order_by(col(Evaluation.created_at).desc(), col(Evaluation.id))
    return list(session.exec(query.offset(offset).limit(limit)))


def listed(session: Session, filters: Filter, limit: int = 100, offset: int = 0) -> list[Picked]:
    """The newest first, each with what a list shows of it: OF_ROW, and OF_RESULT where there is one.

    A result with the rows that got worse may have megabytes; they stay in the database.
    """
    query = filters.apply(_short()).order_by(col(Evaluation.created_at).desc(), col(Evaluation.id))
    return _picked(session, query.offset(offset).limit(limit))


def several(session: Session, evaluation_ids: Sequence[str]) -> list[Picked]:
    """Those of these ids that there are, as `listed`, in the order of the ids."""
    query = _short().where(col(Evaluation.id).in_(evaluation_ids))
    by_id = {row["id"]: row for row in _picked(session, query)}
    return [by_id[row_id] for row_id in evaluation_ids if row_id in by_id]


def between(session: Session, project_id: str, first: str, second: str) -> list[Picked]:
    """Those that compared these two subjects, whichever was the tuned one, as `listed`; the first one first."""
    pairs = tuple_(col(Evaluation.subject), col(Evaluation.against)).in_([(first, second), (second, first)])
    done = (col(Evaluation.project_id) == project_id, col(Evaluation.status) == WorkStatus.SUCCEEDED)
    return _picked(session, _short().where(pairs, *done).order_by(col(Evaluation.created_at)))


def of_subjects(session: Session, subjects: Sequence[str], most: int = 1000) -> list[Picked]:
    """Those of some subjects that came to their end, the first one first, as `listed`."""
    done = (col(Evaluation.subject).in_(subjects), col(Evaluation.status) == WorkStatus.SUCCEEDED)
    return _picked(session, _short().where(*done).order_by(col(Evaluation.created_at), col(Evaluation.id)).limit(most))


def _picked(session: Session, query: Any) -> list[Picked]:
    return [dict(row) for row in session.execute(query).mappings()]


def _short() -> Any:
    result: Any = col(Evaluation.result)
    picked = [getattr(Evaluation, name) for name in OF_ROW]
    return select(*picked, *(result[name].label(name) for name in OF_RESULT))


def tags_of(session: Session, project_id: str, most: int = 200) -> list[str]:
    """The tags of the newest evaluations, in order of the alphabet."""
    query = select(Evaluation.tags).where(Evaluation.project_id == project_id, cast(Evaluation.tags, String) != "[]")
    rows = session.exec(query.order_by(col(Evaluation.created_at).desc()).limit(most)).all()
    return sorted({tag for tags in rows for tag in tags})


def count(session: Session, filters: Filter) -> int:
    return session.scalar(filters.apply(select(func.count()).select_from(Evaluation))) or 0


def of_run(session: Session, run_id: str) -> Sequence[Evaluation]:
    """The reports on a run, the first one first."""
    query = select(Evaluation).where(Evaluation.run_id == run_id)
    return session.exec(query.order_by(col(Evaluation.created_at), col(Evaluation.id))).all()


def counts_of_runs(session: Session, run_ids: Iterable[str | None]) -> dict[str | None, int]:
    """Run -> how many reports there are on it, of several runs by one query."""
    ids = {run_id for run_id in run_ids if run_id}
    query = select(Evaluation.run_id, func.count()).where(col(Evaluation.run_id).in_(ids))
    return dict(session.exec(query.group_by(col(Evaluation.run_id))).all()) if ids else {}


def running(session: Session) -> Sequence[str]:
    """Ids of those that a worker is at."""
    query = select(Evaluation.id).where(Evaluation.status == WorkStatus.RUNNING)
    return session.exec(query.order_by(col(Evaluation.created_at))).all()


def first_queued(session: Session, passed: Sequence[str] = ()) -> str | None:
    """The one that is first in line, but for those passed; reports on a lesson's run wait for its endpoint."""
    waits = select(Lesson.run_id).where(col(Lesson.stage).in_(LESSON_ON_ITS_WAY), col(Lesson.run_id).is_not(None))
    mine = or_(col(Evaluation.run_id).is_(None), col(Evaluation.run_id).not_in(waits))
    query = select(Evaluation.id).where(Evaluation.status == WorkStatus.QUEUED, mine)
    query = query.where(col(Evaluation.id).not_in(passed)) if passed else query
    return session.exec(query.order_by(col(Evaluation.created_at)).limit(1)).first()


def moving_with(session: Session, subject: str) -> Sequence[Evaluation]:
    """Those on their way that compare a subject."""
    compares = or_(col(Evaluation.subject) == subject, col(Evaluation.against) == subject)
    return session.exec(select(Evaluation).where(compares, col(Evaluation.status).in_(WORK_MOVING))).all()


def training_wants(session: Session, device: str | None) -> bool:
    """Whether a run waits for nothing but a device, or somebody has this one for itself."""
    if queue_state.next_run(session) is not None:
        return True
    owned = session.exec(select(Lease.device).where(col(Lease.exclusive).is_(True))).all()
    return device is not None and any(part in own.split(",") for own in owned for part in device.split(","))
