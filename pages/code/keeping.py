"""Save, rename, delete, download, and a version brought back: what the buttons of a snippet do."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from engine.code import deleting, snippets
from engine.code.snippets import Origin
from pages.code import opening, run_view, told
from pages.code.files import Desk
from pages.code.sheet import Sheet, sheet_of
from pages.parts import toasts, undo
from pages.shell import project_of
from storage.tables import DEFAULT_PROJECT, SnippetVersion

LONGEST_NAME = 60  # of a snippet that nobody named: the beginning of its task


def act(event: gr.EventData, request: gr.Request, *values: Any) -> list[Any]:
    """One of ACTS; returns the snippet's id and the line that says what was done."""
    sheet = sheet_of(values)
    with toasts.toast():
        return ACTS[event.name](sheet, event, request)
    return [gr.skip(), gr.skip()]


def _save(sheet: Sheet, _event: gr.EventData, request: gr.Request) -> list[Any]:
    version = keep(sheet, sheet.desk, project_of(request), action="save")
    return [version.snippet_id, kept_line(sheet, version, f"Saved as version {version.number}.")]


def _rename(sheet: Sheet, event: gr.EventData, _request: gr.Request) -> list[Any]:
    snippet = snippets.rename(sheet.snippet_id, event.values.get("name", ""))
    return [snippet.id, told.line(f"It is called {snippet.name} now.", at={})]


def _delete(sheet: Sheet, _event: gr.EventData, _request: gr.Request) -> list[Any]:
    deleting.delete(sheet.snippet_id)
    return ["", told.line("The snippet is deleted.", kept=sheet.snippet_id, to="/code")]


def _clear(_sheet: Sheet, _event: gr.EventData, _request: gr.Request) -> list[Any]:
    return ["", told.line("", kept="", to="/code")]


def _download(sheet: Sheet, _event: gr.EventData, _request: gr.Request) -> list[Any]:
    desk = sheet.desk
    return [gr.skip(), told.line("", save={"name": desk.opened, "text": desk.text})]


ACTS: dict[str, Callable[[Sheet, gr.EventData, gr.Request], list[Any]]] = {
    "save": _save,
    "rename": _rename,
    "delete": _delete,
    "clear": _clear,
    "download": _download,
}


def keep(sheet: Sheet, desk: Desk, project_id: str, **origin: Any) -> SnippetVersion:
    """The files as the next version of the open snippet, or as a new one called after its task. Raises RefusedError."""
    about: Origin = {**origin}  # type: ignore[typeddict-item]
    if sheet.snippet_id:
        return snippets.save_version(sheet.snippet_id, desk.files, **about)
    name = name_of(sheet.task, desk.opened)
    return snippets.version(snippets.create(name, sheet.language, sheet.task, desk.files, project_id, **about).id)


def keep_run(sheet: Sheet, desk: Desk, result: run_view.Shown, project_id: str = DEFAULT_PROJECT) -> SnippetVersion:
    """What ran, with its result. The same files with the same result again are the version there is."""
    kept, note = run_view.kept(result), run_view.words(result)
    return keep(sheet, desk, project_id, action="run", note=note, result=kept)


def name_of(task: str, opened: str) -> str:
    """A name for what nobody has named: the first words of the task, else the open file's name."""
    line = "".join(letter for letter in " ".join(task.split()) if letter.isprintable())  # names are
    short = line if len(line) <= LONGEST_NAME else line[:LONGEST_NAME].rpartition(" ")[0] or line[:LONGEST_NAME]
    return short or opened


def kept_line(
    sheet: Sheet, version: SnippetVersion, words: str, first: int | None = None, tone: str = "", **at: str
) -> str:
    """The line that says what was kept, last of all this version. The address then names its snippet, and `at`.

    Where versions came from elsewhere since the editor got its text, that is said and what differs is shown: nothing of
    them is in this one. `first`: number of the first version that was kept now, if there are several.
    """
    address = {"snippet": version.snippet_id, "version": "", **at}
    other = (first or version.number) - 1
    if 0 < sheet.base < other:
        words = f"{words} Version {other} came from another window meanwhile: what differs is shown below.".strip()
        address |= {"from": str(other), "to": str(version.number)}
    return told.line(words, tone=tone, at=address, kept=version.snippet_id, base=version.number)


def undo_deletion(event: gr.EventData) -> None:
    """Brings a deleted snippet back into the list."""
    with toasts.toast():
        undo.take_back(deleting.undo, event.id)


def open_version(event: gr.EventData, snippet_id: str) -> list[Any]:
    """An earlier version brought into the editor. Save makes it the newest."""
    with toasts.toast():
        version = snippets.version(snippet_id, int(event.id))
        *shown, _ = opening.shown_of(version)
        address, base = {"snippet": snippet_id, "version": event.id}, snippets.newest_numbers([snippet_id])[snippet_id]
        words = f"Version {version.number} is in the editor."
        return [*shown, told.line(words, at=address, kept=snippet_id, base=base)]
    return [gr.skip()] * 8
