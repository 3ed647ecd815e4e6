"""How many rows there are: in each status, which monitoring shows, and of a project, which the start page does."""

from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Select, bindparam, func, or_
from sqlmodel import Session, col, select

from storage import datasets
from storage.statuses import DatasetStatus, EndpointStatus, ModelStatus, RunStatus
from storage.tables import Backend, Dataset, Model, Run


def by_status(session: Session) -> dict[str, dict[str, int]]:
    """{"runs": {"queued": 0, ...}, "models": ..., "datasets": ..., "backends": ...}, zeros included."""
    tables: dict[str, tuple[Any, type[StrEnum]]] = {
        "runs": (Run, RunStatus),
        "models": (Model, ModelStatus),
        "datasets": (Dataset, DatasetStatus),
        "backends": (Backend, EndpointStatus),
    }
    answer = {}
    for name, (table, statuses) in tables.items():
        status = col(table.status)
        counted = {
            str(counted_status): number
            for counted_status, number in session.exec(select(status, func.count()).group_by(status))
        }
        answer[name] = {member.value: counted.get(member.value, 0) for member in statuses}
    return answer


class Counts(NamedTuple):
    """Models of the studio; datasets (whatever versions each has), runs and those in the queue of one project.

    What could not be fetched or imported cannot be used, and does not count.
    """

    models: int
    datasets: int
    runs: int
    waiting: int


def of_project(session: Session, project_id: str) -> Counts:
    return Counts(*session.execute(_statement(), {"project": project_id}).one())


@lru_cache(maxsize=1)  # to build it takes longer than to ask it
def _statement() -> Select[Any]:
    project: BindParameter[str] = bindparam("project")
    counted = (
        select(func.count())
        .select_from(Model)
        .where(col(Model.status) != ModelStatus.FAILED, col(Model.deleted_at).is_(None)),
        select(func.count())
        .select_from(Dataset)
        .where(~datasets.has_newer(), col(Dataset.project_id) == project, col(Dataset.deleted_at).is_(None))
        .where(or_(col(Dataset.status) != DatasetStatus.FAILED, col(Dataset.version) > 1)),  # one before is there
        select(func.count()).select_from(Run).where(col(Run.project_id) == project),
        select(func.count())
        .select_from(Run)
        .where(col(Run.project_id) == project, col(Run.status) == RunStatus.QUEUED),
    )
    statement: Select[Any] = select(*(one.scalar_subquery() for one in counted))
    return statement
