"""What was deleted in the last half minute, with a button that brings it back and one that frees its disk space."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from markupsafe import Markup

from engine import deleted
from pages.parts import html, toasts
from storage.tables import Dataset, Model

Act = Callable[[str, Mapping[str, str]], None]
Row = TypeVar("Row", Dataset, Model)
MOST_SHOWN = 3
NOW = "Remove it now and free its disk space? This cannot be undone."


def bar(table: type[Row], project_id: str | None = None) -> Markup:
    """A line for each deletion."""
    return html.join(line(row.words, row.id) for row in deleted.waiting(table, project_id)[:MOST_SHOWN])


def line(words: str, id: str) -> Markup:
    buttons = html.button("Undo", "undo", id) + html.button("Free it now", "free", id, NOW)
    return Markup(
        '<div class="ts-notice rn-undo" data-tone="calm" role="status"><bdi>{}.</bdi>'
        '<div class="ts-actions">{}</div></div>'
    ).format(words, buttons)


def acts(undo: Callable[[str], tuple[str, list[str]]], free: Callable[[str], object]) -> dict[str, Act]:
    """What the buttons of `bar` do."""

    def take_back(id: str, _values: Mapping[str, str]) -> None:
        words, _ = undo(id)
        toasts.done(f"Undone: {words}.")

    def take_away(id: str, _values: Mapping[str, str]) -> None:
        free(id)

    return {"undo": take_back, "free": take_away}
