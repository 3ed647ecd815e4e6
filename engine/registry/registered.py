"""Models of the registry: a name, what is noted about it, and its versions. Names are parts of addresses."""

import time
import unicodedata
from collections.abc import Sequence

from sqlmodel import Session

from engine import names
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.existing import existing
from engine.process import trash
from engine.registry import in_use
from storage import db, home, registry
from storage.tables import Project, RegisteredModel, RegistryMove

MOST_NOTE, MOST_TAGS, MOST_TAG = 4000, 20, 40
NOUN = "registry"


def look_up(name: str) -> RegisteredModel:
    """Raises NotFoundError."""
    with db.reading() as session:
        return found(session, name)


def found(session: Session, name: str) -> RegisteredModel:
    """The model of that name. Raises NotFoundError."""
    row = registry.by_name(session, name)
    if row is None:
        hint = "GET /api/registry lists the names. Keep a run as a version to make a new one."
        raise NotFoundError(f"There is no model `{name:.60}` in the registry.", hint)
    return row


def made(session: Session, name: str, project_id: str) -> RegisteredModel:
    """The model of that name, a new one where there is none. Raises RefusedError, NotFoundError for the project."""
    names.in_address(name, "model in the registry")
    if (row := registry.by_name(session, name)) is not None:
        return row
    existing(session, Project, project_id)
    row = RegisteredModel(name=name, project_id=project_id)
    session.add(row)
    session.flush()
    return row


def change(name: str, note: str | None = None, tags: Sequence[str] | None = None, who: str = "") -> RegisteredModel:
    """Another note or other tags. Raises NotFoundError, RefusedError."""
    with db.session() as session:
        row = found(session, name)
        row.note = row.note if note is None else checked_note(note)
        row.tags = row.tags if tags is None else checked_tags(tags)
        row.updated_at = time.time()
        session.add(RegistryMove(registered_id=row.id, action="changed", who=who, why="note or tags of the model"))
    return row


def delete(name: str) -> None:
    """Forgets a model with its versions; the weights stay where they are. Raises NotFoundError, ConflictError."""
    with db.session() as session:
        row = found(session, name)
        if led := registry.aliases(session, [row.id]):
            words = ", ".join(f"`{alias.alias}`" for alias in led)
            message = f"The model `{name}` is in use: the alias {words} leads to it."
            raise ConflictError(message, "Remove its aliases first.")
        _refuse_served(session, row)
        session.delete(row)
    trash.discard(home.folder(NOUN, row.id))


def _refuse_served(session: Session, row: RegisteredModel) -> None:
    kept = registry.versions(session, row.id)
    served = in_use.by_endpoints(session, row.id, kept)
    for version in kept:
        if names_of := served[version.id]:
            message = f"The model `{row.name}` is in use: the endpoint `{names_of[0]}` serves version {version.number}."
            raise ConflictError(message, "Stop that endpoint, or deploy something else to it, first.")


def checked_note(note: str, what: str = "note") -> str:
    """The text without characters that hide or turn it around. Raises RefusedError."""
    text = unicodedata.normalize("NFC", note).strip()
    if len(text) > MOST_NOTE:
        raise RefusedError(f"The {what} has {len(text):,} characters.", f"Use at most {MOST_NOTE:,}.")
    if any(_hides(letter) for letter in text):
        raise RefusedError(
            f"The {what} has characters that cannot be seen.", "Leave control and direction characters out."
        )
    return text


def checked_tags(tags: Sequence[str]) -> list[str]:
    """The tags, each once. Raises RefusedError."""
    cleaned = [names.checked(checked_note(tag, "tag"), "tag", MOST_TAG) for tag in tags]
    if len(cleaned) > MOST_TAGS:
        raise RefusedError(f"There are {len(cleaned)} tags.", f"Use at most {MOST_TAGS}.")
    return list(dict.fromkeys(cleaned))


def _hides(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs") and letter not in "\n\t\u200d\u200c"
