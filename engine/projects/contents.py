"""What is in a project: how many of each, and the bytes of their files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session

from engine.existing import existing
from engine.registry import disk
from storage import db, home
from storage.tables import (
    Benchmark,
    Chat,
    Dataset,
    Endpoint,
    Evaluation,
    Project,
    RegisteredModel,
    Run,
    Snippet,
    Sweep,
)

# What people call it, one and several of it, and where it is. Of a dataset each version is one.
COUNTED: dict[str, tuple[str, str, Any]] = {
    "runs": ("run", "runs", Run),
    "datasets": ("version of a dataset", "versions of datasets", Dataset),
    "sweeps": ("sweep", "sweeps", Sweep),
    "evaluations": ("evaluation", "evaluations", Evaluation),
    "endpoints": ("endpoint", "endpoints", Endpoint),
    "benchmarks": ("benchmark", "benchmarks", Benchmark),
    "registry": ("model of the registry", "models of the registry", RegisteredModel),
    "chats": ("chat", "chats", Chat),
    "snippets": ("snippet", "snippets", Snippet),
}


@dataclass(frozen=True)
class Contents:
    """What goes with a project. `size_bytes` is what deleting it frees at most: datasets may share their rows."""

    project_id: str
    name: str
    counts: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0

    @property
    def words(self) -> str:
        """12 runs, 1 chat."""
        return in_words(self.counts)


def in_words(counts: Mapping[str, int]) -> str:
    """12 runs, 1 chat; or `nothing`."""
    return ", ".join(
        f"{count:,} {COUNTED[noun][0 if count == 1 else 1]}" for noun, count in counts.items() if count
    ) or "nothing"  # fmt: skip


def of(project_id: str) -> Contents:
    """Looks at every file, which takes seconds in a large project. Raises NotFoundError."""
    with db.reading() as session:
        project = existing(session, Project, project_id)
        counts = counted(session, project_id)
        run_ids, datasets = _ids(session, Run, project_id), _ids(session, Dataset, project_id)
        blobs = set(session.scalars(select(Dataset.__table__.c.sha256).where(_of(Dataset, project_id))))  # type: ignore[attr-defined]
    size = sum(disk.folder_bytes(home.run_folder(run_id)) for run_id in run_ids)
    size += sum(disk.folder_bytes(home.dataset_folder(dataset_id)) for dataset_id in datasets)
    rows = (home.blobs() / f"{sha256}.parquet" for sha256 in blobs if sha256)
    size += sum(path.stat().st_size for path in rows if path.is_file())
    return Contents(project_id, project.name, counts, size)


def counted(session: Session, project_id: str) -> dict[str, int]:
    """How many of each there are, without those that were deleted."""
    return {
        noun: session.scalar(select(func.count()).select_from(table.__table__).where(_of(table, project_id))) or 0
        for noun, (_, _, table) in COUNTED.items()
    }


def counted_all(session: Session) -> dict[str, dict[str, int]]:
    """The same of every project that has something, by one query for each kind."""
    counts: dict[str, dict[str, int]] = {}
    for noun, (_, _, table) in COUNTED.items():
        columns = table.__table__.c
        query = select(columns.project_id, func.count()).group_by(columns.project_id)
        there = query.where(columns.deleted_at.is_(None)) if "deleted_at" in columns else query
        for project_id, count in session.execute(there):
            counts.setdefault(project_id, {})[noun] = count
    return counts


def _ids(session: Session, table: Any, project_id: str) -> list[str]:
    return list(session.scalars(select(table.__table__.c.id).where(_of(table, project_id))))


def _of(table: Any, project_id: str) -> Any:
    """Of the project, and not deleted."""
    columns = table.__table__.c
    of_project = columns.project_id == project_id
    return of_project & columns.deleted_at.is_(None) if "deleted_at" in columns else of_project
