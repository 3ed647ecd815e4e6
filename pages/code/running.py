"""Run: the files in the sandbox, what they printed and drew, and what shuts them in on this machine."""

from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr
from markupsafe import Markup

from engine.code import languages, wanted
from engine.code import running as code_running
from engine.code.running import Runner
from engine.sandbox import sandbox
from pages.code import keeping, run_view, told
from pages.code.files import Desk
from pages.code.sheet import Sheet, sheet_of
from pages.parts import toasts

RUNS = "python"  # the language that is run


def means_html(_query: Mapping[str, str]) -> str:
    """By what code is shut in here, or why none is run."""
    return means_words(sandbox.means())


def means_words(means: sandbox.Means) -> str:
    """The same of any means."""
    if means.name:
        title = "No network, none of the studio's files, limits on time, memory and processes."
        return str(Markup('<p class="cd-means" title="{}">Runs in: {}</p>').format(title, means.name))
    return str(Markup('<p class="cd-means" data-tone="warn">Code cannot run here: {}</p>').format(means.reason))


def run(*values: Any) -> Iterator[list[Any]]:
    """The result, what a model would be told of it, and the line beside the button."""
    sheet = sheet_of(values)
    yield [gr.skip(), gr.skip(), told.line("Running", busy="run")]
    with toasts.toast():
        result = _result(sheet)
        version = keeping.keep_run(sheet, sheet.desk, result) if sheet.snippet_id else None
        line = keeping.kept_line(sheet, version, f"Kept as version {version.number}.") if version else told.line("")
        yield [run_view.output_html(result), run_view.error_of(result), line]
        return
    yield [gr.skip(), gr.skip(), told.line("It did not run.", tone="bad")]


def _result(sheet: Sheet) -> dict[str, Any]:
    """Runs the main file, or the tests where a file of tests is open. Raises SandboxError, RefusedError."""
    code_running.check(sheet.language)
    desk = sheet.desk
    if tests := tests_of(desk):
        return code_running.run(desk.files, runner(sheet), tests).plain()
    entry = wanted.entry(desk.files, languages.named(sheet.language))
    return run_view.plain(sandbox.run(desk.files, sheet.stdin, sheet.language, _limits(sheet), entry))


def tests_of(desk: Desk) -> dict[str, str]:
    """The open file, where it is one of tests: then it is what runs."""
    return {desk.opened: desk.text} if wanted.is_test(desk.opened) and desk.text.strip() else {}


def runner(sheet: Sheet) -> Runner:
    """The sandbox as the engine's code room wants it, with the limits of the page."""

    def run_in(files: Mapping[str, str], entry: str, stdin: str) -> sandbox.Result:
        return sandbox.run(files, stdin or sheet.stdin, RUNS, _limits(sheet), entry)

    return run_in


def _limits(sheet: Sheet) -> sandbox.Limits:
    return sandbox.Limits(wall_seconds=min(30.0, max(1.0, sheet.seconds)))
