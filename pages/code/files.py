"""The files in the editor: names and texts, one of them open. They travel as JSON, as the browser keeps them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from markupsafe import Markup

from engine import hidden
from engine.code import file_names, languages
from engine.errors import RefusedError
from pages.parts import html, marks
from pages.parts.icons import icon

Files = dict[str, str]
LANGUAGES = [(language.title, language.name) for language in languages.LANGUAGES.values()]
"""To choose from: what is shown, and its name."""

_ALIKE = {"kotlin": "cpp", "php": "html", "ruby": "python"}
_ALIKE |= dict.fromkeys(("java", "swift", "csharp", "go", "rust"), "cpp")
_DRAWN = {name: name for name in gr.Code.languages if name} | _ALIKE
"""What the editor draws a language as; those it does not know as one that looks like them."""


@dataclass(frozen=True)
class Desk:
    """What is in the editor: every file, and the name of the one that is open. There is always one."""

    files: Files
    opened: str

    @property
    def text(self) -> str:
        """The open file's."""
        return self.files.get(self.opened, "")


def desk_of(files_json: str, opened: str, code: str | None) -> Desk:
    """From the page's fields: the open file's text is what the editor shows."""
    files = _files_in(files_json)
    opened = opened or next(iter(files), "main.py")
    return Desk({**files, opened: _lines(code or "")}, opened)


def desk_with(files: Mapping[str, str], opened: str = "", language: str = "python") -> Desk:
    """With these files; the one that was open stays so, else the first. Without files, an empty one."""
    kept = {name: _lines(text) for name, text in files.items()} or {languages.named(language).main: ""}
    return Desk(kept, opened if opened in kept else next(iter(kept)))


def drawn_as(name: str) -> str | None:
    """The editor's language for a file; None is plain text."""
    language = languages.of_file(name)
    return _DRAWN.get(language.name) if language else None


def _files_in(text: str) -> Files:
    try:
        sent = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(name): str(content) for name, content in sent.items()} if isinstance(sent, dict) else {}


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


class _Whole(str):
    """A text for the editor: Gradio 6.31 strips what it puts in one, and files have indentation and a last newline."""

    __slots__ = ()

    def strip(self, _characters: str | None = None, /) -> str:
        return self


def fields(desk: Desk) -> list[Any]:
    """The desk as the page's fields show it: the JSON, which is open, the editor, the tabs."""
    editor = gr.update(value=_Whole(desk.text), language=drawn_as(desk.opened))
    return [json.dumps(desk.files), desk.opened, editor, tabs_html(desk)]


def tabs_html(desk: Desk) -> str:
    """A tab for each file, and a menu to add, upload and rename."""
    tabs = html.join(_tab(name, name == desk.opened, len(desk.files) > 1) for name in desk.files)
    strip = Markup('<div class="cd-strip"><nav class="cd-tabs" aria-label="Files">{}</nav>{}</div>')
    return str(strip.format(tabs, _menu(desk.opened)))


def _tab(name: str, is_open: bool, removable: bool) -> Markup:
    shown, plain = marks.shown(name), hidden.escaped(name)
    remove = Markup(
        '<button type="button" class="cd-x" data-act="remove" data-id="{}" data-confirm="{}" data-tone="danger" '
        'aria-label="Remove {}" title="Remove"><span class="ts-sr">Remove</span></button>'
    ).format(name, f"Remove {plain} from the editor? Versions that were kept still have it.", plain)
    current = Markup(' aria-current="true"') if is_open else ""
    button = Markup('<button type="button" data-act="open" data-id="{}"{}>{}</button>').format(name, current, shown)
    return Markup('<span class="cd-tab"{}>{}{}</span>').format(
        Markup(" data-open") if is_open else "", button, remove if removable else ""
    )


def _menu(opened: str) -> Markup:
    return Markup(
        '<details class="cd-menu" data-menu><summary class="ts-button" title="Add a file">{}<span>File</span></summary>'
        '<div class="ts-menu">{}<label class="ts-button cd-upload">Upload files'
        '<input type="file" multiple class="ts-sr" data-upload></label>{}</div></details>'
    ).format(
        icon("plus"),
        _name_form("add", "New file", "", "Add"),
        _name_form("rename", "Rename the open file", opened, "Rename"),
    )


def _name_form(act: str, label: str, value: str, button: str) -> Markup:
    return Markup(
        '<form data-act="{}"><label>{}<input name="name" value="{}" maxlength="120" required autocomplete="off" '
        'spellcheck="false"></label><button class="ts-button">{}</button></form>'
    ).format(act, label, value, button)


def open_file(desk: Desk, name: str, _values: Mapping[str, str]) -> Desk:
    """Shows another file."""
    return replace(desk, opened=name) if name in desk.files else desk


def add(desk: Desk, _id: str, values: Mapping[str, str]) -> Desk:
    """An empty file, open. Raises RefusedError for a name that is taken."""
    name = values.get("name", "").strip()
    if name in desk.files:
        raise RefusedError(f"There is a file `{name}` already.", "Choose another name.")
    return _checked({**desk.files, name: ""}, name)


def upload(desk: Desk, _id: str, values: Mapping[str, str]) -> Desk:
    """Files the browser has read; a file of the same name is replaced. The first of them is open."""
    kept = desk.files if any(desk.files.values()) else {}
    uploaded = {name.strip(): _lines(text) for name, text in values.items()}
    return _checked({**kept, **uploaded}, next(iter(uploaded), desk.opened))


def refuse_size(_desk: Desk, characters: str, _values: Mapping[str, str]) -> Desk:
    """Files that the browser has not even read. Raises RefusedError."""
    raise RefusedError(f"The chosen files have {html.size(int(characters))}.", "Use at most 1 MB together.")


def rename(desk: Desk, _id: str, values: Mapping[str, str]) -> Desk:
    """Another name for the open file; its place stays."""
    name = values.get("name", "").strip()
    if name != desk.opened and name in desk.files:
        raise RefusedError(f"There is a file `{name}` already.", "Choose another name.")
    return _checked({name if old == desk.opened else old: text for old, text in desk.files.items()}, name)


def remove(desk: Desk, name: str, _values: Mapping[str, str]) -> Desk:
    """Without that file; the last one stays."""
    left = {old: text for old, text in desk.files.items() if old != name}
    return desk_with(left, desk.opened) if left else desk


def _checked(files: Files, opened: str) -> Desk:
    return Desk(file_names.checked(files), opened)


ACTS: dict[str, Callable[[Desk, str, Mapping[str, str]], Desk]] = {
    "open": open_file,
    "add": add,
    "upload": upload,
    "too-large": refuse_size,
    "rename": rename,
    "remove": remove,
}
