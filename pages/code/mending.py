"""Fix it: what went wrong is shown to the model, and what it changed is run again, round by round. Each is kept."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import gradio as gr
from markupsafe import Markup

from engine.code import fixing
from engine.code.diff import unified
from engine.code.fixing import Round
from pages.code import answer_view, asking, keeping, run_view, running, told, versions_view
from pages.code.files import desk_with
from pages.code.screen import Shown, shown
from pages.code.sheet import Sheet, sheet_of
from pages.parts import html, marks, paced, toasts
from pages.shell import project_of
from storage.tables import SnippetVersion

REDRAW_SECONDS = 0.15


def mend(request: gr.Request, *values: Any) -> Iterator[Shown]:
    """Round by round, until it works or the rounds are over."""
    sheet = sheet_of(values)
    with toasts.toast():
        yield from _rounds(sheet, project_of(request))
        return
    yield shown(told.line("It was not fixed.", tone="bad"))


def _rounds(sheet: Sheet, project_id: str) -> Iterator[Shown]:
    asked = replace(asking.question(sheet, "fix"), error="")
    tests = running.tests_of(sheet.desk)
    past: list[tuple[Round, SnippetVersion]] = []
    answer = ""
    yield shown(told.line("Running", busy="write"), made="")
    fixed = fixing.rounds(asked, running.runner(sheet), sheet.rounds, tests)
    with closing(paced.groups(fixed, REDRAW_SECONDS)) as groups:
        for group in groups:
            for event in group:
                if isinstance(event, Round):
                    past.append((event, _keep(sheet, event, asked.model, project_id)))
                    sheet = replace(sheet, snippet_id=past[-1][1].snippet_id)
                    answer = ""
                else:
                    answer += event.text
            yield _now(sheet, past, answer)
    yield _ended(sheet, past)


def _keep(sheet: Sheet, told_round: Round, model: str, project_id: str) -> SnippetVersion:
    """A round as a version: what was run, with its result, and the model's words."""
    result = told_round.outcome.plain()
    desk = desk_with(told_round.files, sheet.opened)
    words = told_round.note or ("works" if told_round.outcome.works else run_view.words(result))
    if told_round.answer is None:
        return keeping.keep_run(sheet, desk, result, project_id)
    return keeping.keep(
        sheet, desk, project_id, action="fix", model=model, answer=told_round.answer.answer,
        note=f"round {told_round.number}: {words}"[:300], result=result,
    )  # fmt: skip


def _now(sheet: Sheet, past: Sequence[tuple[Round, SnippetVersion]], answer: str) -> Shown:
    """The rounds so far, and the answer that is being written."""
    last, version = past[-1]
    writing = Markup('<li><div class="cd-line"><h3>Round {}</h3></div>{}</li>').format(
        last.number + 1, answer_view.body_html(answer)
    )
    line = told.line(f"Round {last.number + bool(answer)} of {sheet.rounds}", busy="write")
    made = _panel(past, writing if answer else "")
    result = run_view.output_html(last.outcome.plain())
    return shown(line, desk_with(last.files, sheet.opened), output=result, made=made, snippet_id=version.snippet_id)


def _ended(sheet: Sheet, past: Sequence[tuple[Round, SnippetVersion]]) -> Shown:
    last, version = past[-1]
    if last.outcome.works:
        words = "It works." if last.number == 0 else f"It works after {_count(last.number)}."
    else:
        words = f"It does not work yet, after {_count(last.number)}."
    tone = "" if last.outcome.works else "bad"
    line = keeping.kept_line(sheet, version, words, first=past[0][1].number, tone=tone)
    result = last.outcome.plain()
    return shown(
        line, desk_with(last.files, sheet.opened), output=run_view.output_html(result), made=_panel(past, ""),
        error=run_view.error_of(result), snippet_id=version.snippet_id,
    )  # fmt: skip


def _count(number: int) -> str:
    return "1 round" if number == 1 else f"{number} rounds"


def _panel(past: Sequence[tuple[Round, SnippetVersion]], writing: Markup | str) -> str:
    """Each round: what went wrong before, what was changed, and how it ran then."""
    items = [_round(*past[place], past[place - 1][0]) for place in range(1, len(past))]
    if not items and not writing:
        return ""
    return str(
        Markup(
            '<section class="cd-made" aria-label="Rounds of Fix it"><ol class="cd-rounds">{}{}</ol></section>'
        ).format(html.join(items), writing)
    )


def _round(told_round: Round, version: SnippetVersion, before: Round) -> Markup:
    result = told_round.outcome.plain()
    head = Markup('<h3>Round {}</h3>{}<span class="ts-note">version {}</span>').format(
        told_round.number, run_view.badge(result), version.number
    )
    wrong = before.outcome.words.strip().split("\n")[-1]
    answer = told_round.answer.answer if told_round.answer else ""
    return Markup('<li><div class="cd-line">{}</div><p class="ts-note">Told: <code>{}</code></p>{}{}</li>').format(
        head, marks.shown(wrong, 300), _changes(told_round, before), answer_view.answer_html(answer)
    )


def _changes(told_round: Round, before: Round) -> Markup:
    if told_round.note:
        return html.notice(told_round.note, "", "calm")
    return versions_view.diff_html(unified(before.files, told_round.files))
