"""What was deleted in the last half minute, with a button that brings it back and one that frees its disk space."""

from collections.abc import Callable, Iterable, Mapping

from markupsafe import Markup

from engine import deleted
from engine.deleted import Deletion
from pages.parts import html, toasts
from storage.lists.deleted import Row

Act = Callable[[str, Mapping[str, str]], None]
MOST_SHOWN = 3
NOW = "Remove it now and free its disk space? This cannot be undone."
SAID = "You can undo it for 30 seconds."  # at the end of the question before a deletion


def bar(table: type[Row], project_id: str | None = None, has_files: bool = True) -> Markup:
    """A line for each deletion. `has_files`: whether it frees disk space to wait no longer."""
    return lines(deleted.waiting(table, project_id), has_files)


def lines(deletions: Iterable[Deletion], has_files: bool = False) -> Markup:
    """The same for deletions that were looked up."""
    return html.join(line(one.words, one.id, has_files) for one in list(deletions)[:MOST_SHOWN])


def line(words: str, id: str, has_files: bool = True) -> Markup:
    buttons = html.button("Undo", "undo", id) + (html.button("Free it now", "free", id, NOW) if has_files else Markup())
    return Markup(
        '<div class="ts-notice rn-undo" data-tone="calm" role="status"><bdi>{}.</bdi>'
        '<div class="ts-actions">{}</div></div>'
    ).format(words, buttons)


def take_back(undo: Callable[[str], tuple[str, list[str]]], id: str) -> None:
    """What Undo does, and the words that say so. Raises NotFoundError, ConflictError."""
    words, _ = undo(id)
    toasts.done(f"Undone: {words}.")


def acts(undo: Callable[[str], tuple[str, list[str]]], free: Callable[[str], object]) -> dict[str, Act]:
    """What the buttons of `bar` do."""

    def bring_back(id: str, _values: Mapping[str, str]) -> None:
        take_back(undo, id)

    def take_away(id: str, _values: Mapping[str, str]) -> None:
        free(id)

    return {"undo": bring_back, "free": take_away}
