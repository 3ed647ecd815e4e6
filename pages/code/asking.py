"""What the buttons of the task do: a model writes into the editor, or several answers are written side by side."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import gradio as gr
from markupsafe import Markup

from engine.code import candidates
from engine.code.actions import ACTIONS
from engine.code.candidates import Unwritten, Written
from engine.code.wanted import Wanted
from engine.code.writing import Piece
from engine.serve import routing
from pages.code import answer_view, keeping, several, told
from pages.code.screen import Shown, desk_after, shown
from pages.code.sheet import Sheet, sheet_of
from pages.parts import html, paced, toasts
from pages.shell import project_of

REDRAW_SECONDS = 0.1
TITLES = {"complete": "Complete at the cursor"}
_BUTTON = Markup('<button type="button" class="ts-button" data-tone="{}" data-act="{}" title="{}">{}</button>')
ACTIONS_HTML = str(
    Markup('<div class="cd-acts" role="group" aria-label="What the model does">{}</div>').format(
        html.join(
            _BUTTON.format("primary" if name == "write" else "", name, action.help, TITLES.get(name, action.title))
            for name, action in ACTIONS.items()
        )
    )
)


def act(event: gr.EventData, request: gr.Request, *values: Any) -> Iterator[Shown]:
    """One of the engine's ACTIONS: its answer as it comes, then kept as a version."""
    sheet, project_id = sheet_of(values), project_of(request)
    with toasts.toast():
        asked = question(sheet, event.name)
        many = sheet.answers > 1 and asked.does.writes_code and asked.action != "complete"
        yield from several.write(sheet, asked, project_id) if many else _one(sheet, asked, project_id)
        return
    yield shown(told.line("Nothing was written.", tone="bad"))


def question(sheet: Sheet, action: str) -> Wanted:
    """What is asked of the model, from the page's fields. Raises RefusedError where no model answers."""
    model = sheet.model or next((str(one["id"]) for one in routing.served_models()), "")
    desk = sheet.desk
    given = {name: text for name, text in desk.files.items() if text.strip() or name == desk.opened}
    return Wanted(
        task=sheet.task,
        language=sheet.language,
        files=given if any(text.strip() for text in given.values()) else {},
        model=model,
        action=action,
        language2=sheet.into,
        error=sheet.error,
        cursor=sheet.cursor if sheet.cursor >= 0 else None,
        cursor_file=desk.opened,
        temperature=sheet.temperature,
        max_tokens=sheet.max_tokens,
    )


def _one(sheet: Sheet, asked: Wanted, project_id: str) -> Iterator[Shown]:
    """One answer, into the editor or, where it is words, under it."""
    yield shown(told.line(f"Asking {asked.model}", busy="write"), output="", made="", error="")
    pieces: list[Piece] = []
    with closing(paced.groups(candidates.write(asked), REDRAW_SECONDS)) as groups:
        for group in groups:
            pieces += [event for event in group if isinstance(event, Piece)]
            if isinstance(group[-1], Unwritten):
                raise group[-1].error
            if isinstance(group[-1], Written):
                yield _kept(sheet, asked, group[-1], _note(pieces), project_id)
            elif any(piece.text for piece in pieces):
                yield _growing(sheet, asked, pieces)


def _note(pieces: Sequence[Piece]) -> str:
    """Why it was asked in the way it was, if there is something to say."""
    return next((piece.note for piece in pieces if piece.note), "")


def _growing(sheet: Sheet, asked: Wanted, pieces: Sequence[Piece]) -> Shown:
    """What has come so far."""
    so_far = candidates.written(asked, pieces)
    line = told.line(f"Writing, {len(so_far.answer):,} characters", busy="write")
    if so_far.changed:
        return shown(line, desk_after(sheet, so_far), made="")
    return shown(line, made=str(answer_view.answer_html(so_far.answer, open_now=True)))


def _kept(sheet: Sheet, asked: Wanted, written: Written, note: str, project_id: str) -> Shown:
    """The end: a version, unless the answer has nothing to keep."""
    desk = desk_after(sheet, written) if written.changed else sheet.desk
    warnings = [note, *written.warnings]
    made = html.join([_warnings(warnings), answer_view.answer_html(written.answer, not written.changed)])
    if not written.answer.strip():
        return shown(told.line("The answer was empty.", tone="bad"), made=str(made))
    origin = {"action": asked.action, "model": asked.model, "answer": written.answer, "note": " ".join(warnings)[:300]}
    version = keeping.keep(sheet, desk, project_id, **origin)
    line = keeping.kept_line(sheet, version, f"Kept as version {version.number}.")
    return shown(line, desk if written.changed else None, made=str(made), snippet_id=version.snippet_id)


def _warnings(sentences: Sequence[str]) -> Markup:
    return html.join(html.notice(sentence, "", "calm") for sentence in sentences if sentence)


def stopped() -> str:
    """What Stop says. The answer is not kept by itself: it is not whole."""
    return told.line("Stopped. What had come is in the editor; Save keeps it.")
