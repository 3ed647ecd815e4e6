"""One row put back into the database, if it is not there: from its manifest, or with what else is known of it."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel

from storage import db
from storage.run_lists.hiding import SEEING
from storage.tables import DEFAULT_PROJECT, Project

T = TypeVar("T", bound=SQLModel)


@dataclass
class Outcome:
    """What came back, and what did not, in words."""

    rebuilt: dict[str, list[str]] = field(default_factory=dict)  # noun -> names
    notes: list[str] = field(default_factory=list)

    def add(self, noun: str, name: str) -> None:
        self.rebuilt.setdefault(noun, []).append(name)


def put_back(table: type[T], values: dict[str, Any], outcome: Outcome, called: str) -> T | None:
    """The new row; None when there is one of that key already, or when it cannot be, which is noted."""
    try:
        row = table.model_validate(values)
        with db.session() as session:
            key = tuple(getattr(row, column.name) for column in table.__table__.primary_key)  # type: ignore[attr-defined]
            if None not in key and _is_there(session, table, key):
                return None
            session.add(row)
            session.flush()
    except (ValidationError, IntegrityError) as error:
        reason = str(error).splitlines()[0][:200]
        outcome.notes.append(f"{called} could not be made again: {reason}")
        return None
    return row


def _is_there(session: Session, table: type[T], key: tuple[Any, ...]) -> bool:
    """A run that was deleted, and can still be had back, is there too."""
    return session.get(table, key if len(key) > 1 else key[0], execution_options=SEEING) is not None


def project_of(manifest: dict[str, list[dict[str, Any]]], outcome: Outcome) -> str:
    """The id of the project that a manifest names, made again where it is gone."""
    listed = manifest.get("project") or []
    if not listed:
        return DEFAULT_PROJECT
    values = listed[0]
    with db.reading() as session:
        if session.get(Project, values.get("id", "")) is not None:
            return str(values["id"])
    name = str(values.get("name") or values["id"])
    made = put_back(Project, values, Outcome(), name) or put_back(
        Project, {**values, "name": f"{name} ({values['id']})"}, outcome, f"The project `{name}`"
    )
    if made is None:
        return DEFAULT_PROJECT
    outcome.add("project", made.name)
    return made.id
