"""Snippets that are deleted: hidden at once, had back for half a minute, then gone with all their versions."""

from sqlmodel import Session

from engine import deleted
from engine.existing import existing
from storage import db
from storage.tables import Snippet
from storage.tables.columns import new_id

NOUN = "snippets"


def delete(snippet_id: str) -> str:
    """Hides it. Returns the id by which it comes back within UNDO_SECONDS. Raises NotFoundError."""
    deletion_id = new_id()
    with db.session() as session:
        deleted.mark([existing(session, Snippet, snippet_id)], deletion_id)
    return deletion_id


def undo(deletion_id: str) -> tuple[str, list[str]]:
    """Brings snippets back; see `engine.deleted.undo`."""
    return deleted.undo(Snippet, deletion_id, _comes_back)


def _comes_back(_session: Session, _snippet: Snippet) -> bool:
    return True  # two snippets may have the same name


def free(deletion_id: str) -> list[str]:
    """Removes them at once. Raises NotFoundError."""
    return deleted.free(Snippet, deletion_id, _remove)


def remove_due() -> None:
    """Removes what was deleted and can no longer be had back."""
    deleted.remove_due(Snippet, NOUN, _remove)


def _remove(snippet_id: str, over: float) -> None:
    deleted.remove_row(Snippet, snippet_id, over)
