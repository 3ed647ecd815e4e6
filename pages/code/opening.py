"""What the Code page shows first: the snippet its address names, or this browser's draft; and a new file or tab."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from engine.code import languages, snippets
from engine.errors import NotFoundError
from engine.serve import routing
from pages.code import answer_view, files, run_view, told
from pages.code.files import Desk, desk_of, desk_with
from pages.parts import served, toasts
from storage.tables import Snippet, SnippetVersion

FIRST_LANGUAGE = "python"
MOST_TASK = 20_000  # characters of a task in the page's address


def served_html(_query: Mapping[str, str]) -> str:
    """What to do when no model answers; nothing otherwise."""
    text = "Serve a model, and it writes, explains and fixes code here. Your own code runs without one."
    return served.none_answers("It can be chosen here when it answers.", text, "/serve", "Serve a model", "code")


def open_page(draft: str, request: gr.Request) -> list[Any]:
    """The snippet's id, task, language, model; then the desk, the result, the answer, the error, the line."""
    query = request.query_params
    snippet, version = _named(query.get("snippet", ""), query.get("version", ""))
    kept = _draft(draft, snippet.id if snippet else "")
    task = query.get("task", "")[:MOST_TASK] or kept.get("task") or (snippet.task if snippet else "")
    language = kept.get("language") or (snippet.language if snippet else FIRST_LANGUAGE)
    language = language if language in languages.LANGUAGES else FIRST_LANGUAGE
    model = _model(query.get("model") or kept.get("model") or (version.model if version else ""))
    # Nothing is taken from who types already: an empty page stays as it is.
    head = [snippet.id if snippet else "", task or gr.skip(), language if snippet or kept else gr.skip(), model]
    drafted = _drafted_desk(kept)
    if drafted is None and version is None:
        return [*head, *[gr.skip()] * 7, told.line("")]
    newest = snippets.newest_numbers([snippet.id])[snippet.id] if snippet else 0
    if drafted is None or (version and drafted.files == version.files_json):
        *fields, _ = shown_of(version)
        return [*head, *fields, told.line("", base=newest)]
    base = _number(kept.get("base", "")) or newest
    return [*head, *files.fields(drafted), *_result_of(version), told.line(_back(base, newest), base=base)]


def _back(base: int, newest: int) -> str:
    """What is said of a draft: nothing where it is all there is."""
    if not newest:
        return ""
    newer = f" Version {newest} is newer than what you began with." if base < newest else ""
    return f"What you had typed here and not saved is back.{newer}"


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 7 else 0


def _model(chosen: str) -> Any:
    """The choice of models: the wanted one where it answers, else the first."""
    names = [str(model["id"]) for model in routing.served_models()]
    return gr.update(choices=names, value=chosen if chosen in names else next(iter(names), None))


def _named(snippet_id: str, number: str) -> tuple[Snippet | None, SnippetVersion | None]:
    try:
        if not snippet_id:
            return None, None
        return snippets.get(snippet_id), snippets.version(snippet_id, _number(number) or None)
    except NotFoundError:
        return None, None  # the line above the page says it


def _draft(text: str, snippet_id: str) -> dict[str, str]:
    """What the browser kept for this snippet. It is a text from a browser: anything may be in it."""
    try:
        draft = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(draft, dict) or draft.get("snippet", "") != snippet_id:
        return {}
    return {str(name): value for name, value in draft.items() if isinstance(value, str)}


def _drafted_desk(kept: Mapping[str, str]) -> Desk | None:
    """Before anything but the editor was touched, a new page has no files yet: then the text is all there is."""
    if not (kept.get("files") or kept.get("text")):
        return None
    return desk_of(kept.get("files", ""), kept.get("opened", ""), kept.get("text", ""))


def shown_of(version: SnippetVersion | None) -> list[Any]:
    """The files of a version with its result and answer, as the page's fields; an empty file where there is none."""
    desk = desk_with(version.files_json if version else {})
    return [*files.fields(desk), *_result_of(version), told.line("")]


def _result_of(version: SnippetVersion | None) -> list[str]:
    """The result of its run, the answer it came from, and what went wrong."""
    if version is None:
        return ["", "", ""]
    result = version.result_json
    shown = run_view.output_html(result) if result else ""
    answer = answer_view.answer_html(version.answer, version.action == "explain")
    return [str(shown), str(answer), run_view.error_of(result) if result else ""]


def begin_language(files_json: str, opened: str, code: str, language: str) -> list[Any]:
    """A language that is chosen while nothing is written names the first file; else only what comes is in it."""
    desk = desk_of(files_json, opened, code)
    return files.fields(desk if any(desk.files.values()) else desk_with({}, "", language))


def change_files(event: gr.EventData, files_json: str, opened: str, code: str) -> Sequence[Any]:
    """What a tab or the menu of files does."""
    desk = desk_of(files_json, opened, code)
    with toasts.toast():
        return [*files.fields(files.ACTS[event.name](desk, event.id, event.values)), told.line("")]
    return [gr.skip()] * 5
