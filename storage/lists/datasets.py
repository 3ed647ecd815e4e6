"""Which datasets a list shows and in which order, each by its newest version."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage import datasets
from storage.lists import words
from storage.statuses import DatasetStatus
from storage.tables import Dataset

ORDERS: dict[str, Any] = {
    "created": col(Dataset.created_at),
    "name": func.lower(Dataset.name),
    "status": col(Dataset.status),
    "kind": func.coalesce(Dataset.kind, ""),
    "rows": col(Dataset.accepted) + col(Dataset.repaired),
    "accepted": col(Dataset.accepted),
    "repaired": col(Dataset.repaired),
    "rejected": col(Dataset.rejected),
    "size": col(Dataset.size_bytes),
}
NEWEST = "-created"


@dataclass(frozen=True)
class Filters:
    """What a list shows: all of it when empty. Every word of `search` has to be in a name, tag or description."""

    project_id: str | None = None
    search: str = ""
    kind: str = ""
    status: DatasetStatus | None = None
    tag: str = ""
    order: str = NEWEST  # a key of ORDERS; from its greatest with a - before it
    older_too: bool = False  # versions that have a newer one

    def conditions(self) -> list[Any]:
        exact = {"project_id": self.project_id, "kind": self.kind, "status": self.status}
        clauses: list[Any] = [] if self.older_too else [~datasets.has_newer()]
        clauses += [col(getattr(Dataset, name)) == value for name, value in exact.items() if value]
        clauses += [words.tagged(Dataset, self.tag)] if self.tag else []
        return clauses + words.says(Dataset, self.search)


def page(
    session: Session, filters: Filters, limit: int | None = None, offset: int = 0, whole: bool = False
) -> Sequence[Dataset]:
    """The datasets of a page, without their kilobytes unless `whole`; of equals the newest first."""
    query = select(Dataset).where(*filters.conditions()).options(*([] if whole else datasets.FOR_A_LIST))
    query = query.order_by(words.order(ORDERS, filters.order), col(Dataset.created_at).desc(), col(Dataset.id))
    return session.exec(query.offset(offset).limit(limit)).all()


def count(session: Session, filters: Filters) -> int:
    return session.scalar(select(func.count()).select_from(Dataset).where(*filters.conditions())) or 0


def kinds(session: Session, project_id: str) -> list[str]:
    """The kinds of rows that datasets of a project have, in order."""
    mine = (col(Dataset.project_id) == project_id, col(Dataset.kind).is_not(None))
    return [kind for kind in session.exec(select(Dataset.kind).where(*mine).distinct().order_by(Dataset.kind)) if kind]


def tags(session: Session, project_id: str) -> list[str]:
    """Every tag of a project's datasets, in order."""
    query = select(Dataset.tags).where(Dataset.project_id == project_id, col(Dataset.tags) != []).distinct()
    return sorted({tag for listed in session.exec(query) for tag in listed})
