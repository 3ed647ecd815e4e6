"""The sheet of shortcuts: every key that does something, on one page. "?" opens it."""

from collections.abc import Iterable, Sequence
from types import ModuleType

from markupsafe import Markup

from pages.parts import html

Key = tuple[str, str]
"""The keys, and what they do."""

EVERYWHERE: Sequence[Key] = (
    ("Ctrl K", "Go to a page, a run, a dataset, a model, a chat ..."),
    ("?", "This sheet"),
    ("t", "Light or dark"),
    ("Tab Enter", "On the first press: skip to the content"),
    ("Space", "Tick the box or press the button you are on"),
    ("Esc", "Close a menu or a dialog"),
)
ON_PAGES: Sequence[Key] = (
    ("Enter", "Chat: send the message"),
    ("Shift Enter", "Chat: a new line"),
    ("Ctrl Enter", "Code: write, or run what is in the editor"),
    ("Ctrl S", "Code: keep the code"),
    ("Enter", "Train, in the search of settings: go to the first setting shown"),
    ("Esc", "Train, in the search of settings: empty it"),
)


def sheet(pages: Sequence[ModuleType]) -> Markup:
    """The dialog, closed. A page's own letter comes after g."""
    to_pages = [(f"g {page.KEY}", str(page.TITLE)) for page in pages]
    return Markup(
        '<dialog class="ts-dialog ts-shortcuts" id="shortcuts" aria-labelledby="shortcuts-title">'
        '<form method="dialog"><h2 id="shortcuts-title" tabindex="-1" autofocus>Shortcuts</h2>{}{}{}'
        '<div><button class="ts-button" data-tone="primary">Close</button></div></form></dialog>'
    ).format(_part("Go to", to_pages), _part("Everywhere", EVERYWHERE), _part("On pages", ON_PAGES))


def _part(title: str, keys: Iterable[Key]) -> Markup:
    lines = html.join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(_caps(names), does) for names, does in keys)
    return Markup("<section><h3>{}</h3><dl>{}</dl></section>").format(title, lines)


def _caps(names: str) -> Markup:
    return html.join(Markup("<kbd>{}</kbd> ").format(name) for name in names.split())
