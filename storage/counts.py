"""How many of everything there are, by one statement: the start page asks for it every few seconds."""

from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Select, bindparam, func
from sqlmodel import Session, col, select

from storage import datasets
from storage.tables import Dataset, Model, Run


class Counts(NamedTuple):
    """Models of the studio; datasets (whatever versions each has) and runs of one project."""

    models: int
    datasets: int
    runs: int


def of_project(session: Session, project_id: str) -> Counts:
    return Counts(*session.execute(_statement(), {"project": project_id}).one())


@lru_cache(maxsize=1)  # to build it takes longer than to ask it
def _statement() -> Select[tuple[int, int, int]]:
    project = bindparam("project")
    counted = (
        select(func.count()).select_from(Model),
        select(func.count()).select_from(Dataset).where(~datasets.has_newer(), col(Dataset.project_id) == project),
        select(func.count()).select_from(Run).where(col(Run.project_id) == project),
    )
    return select(*(one.scalar_subquery() for one in counted))
