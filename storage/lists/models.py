"""Which models a list shows and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from storage.lists import words
from storage.statuses import ModelStatus
from storage.tables import Model

ORDERS: dict[str, Any] = {
    "created": col(Model.created_at),
    "name": func.lower(Model.name),
    "parameters": func.coalesce(Model.parameters, 0),
    "size": func.coalesce(Model.size_bytes, 0),
}
NEWEST = "-created"


@dataclass(frozen=True)
class Filters:
    """What a list shows: all of it when empty. Every word of `search` has to be in a name, tag or description."""

    search: str = ""
    status: ModelStatus | None = None
    source: str = ""
    trainable: bool | None = None
    tag: str = ""
    order: str = NEWEST  # a key of ORDERS; from its greatest with a - before it

    def conditions(self) -> list[Any]:
        exact = {"status": self.status, "source": self.source}
        clauses: list[Any] = [col(getattr(Model, name)) == value for name, value in exact.items() if value]
        clauses += [] if self.trainable is None else [col(Model.trainable).is_(self.trainable)]
        clauses += [words.tagged(Model, self.tag)] if self.tag else []
        return clauses + words.says(Model, self.search)


def page(session: Session, filters: Filters, limit: int | None = None, offset: int = 0) -> Sequence[Model]:
    """The models of a page; of equals the newest first."""
    query = select(Model).where(*filters.conditions())
    query = query.order_by(words.order(ORDERS, filters.order), col(Model.created_at).desc(), col(Model.id))
    return session.exec(query.offset(offset).limit(limit)).all()


def count(session: Session, filters: Filters) -> int:
    return session.scalar(select(func.count()).select_from(Model).where(*filters.conditions())) or 0


def tags(session: Session) -> list[str]:
    """Every tag of a model, in order."""
    query = select(Model.tags).where(col(Model.tags) != []).distinct()
    return sorted({tag for listed in session.exec(query) for tag in listed})
