"""Sweeps: settings found by trials. The list, and one of them in full.

All of it is one live fragment: `/sweeps` is the list, `?sweep=ID` one of them, `&tab=` what of it. Looking only reads.
"""

from collections.abc import Callable, Mapping

import gradio as gr

from engine.errors import NotFoundError, RefusedError
from engine.sweeps import deleting, sweeps
from engine.sweeps.results import study_file
from pages.parts import html, live, toasts, undo
from pages.shell import project_of
from pages.sweeps import list_view, one_view, taste_view

SLUG, TITLE, SUBTITLE, KEY, ICON = "sweeps", "Sweeps", "Settings found by trials instead of guessed", "w", "sweeps"
GROUP = "Train"


def page() -> None:
    """One live fragment; its buttons are the ACTS."""
    shown = live.live("sweeps", sweeps_html, seconds=3, actions=True)
    target = gr.Textbox(visible=False, elem_id="sweeps-target")
    acted = shown.action(act, None, target, **live.ACTING)
    acted.then(None, target, js=GO_TO_ADDRESS, **live.QUIET)


GO_TO_ADDRESS = "(to) => { if (window.tunesmith) (to ? tunesmith.go(to) : tunesmith.refresh()); }"


def sweeps_html(query: Mapping[str, str]) -> str:
    """What the address asks for."""
    if not query.get("sweep"):
        return str(list_view.list_html(query))
    try:
        return str(one_view.sweep_html(sweeps.picture(query["sweep"]), query))
    except NotFoundError:
        gone = "It was deleted, or the link is incomplete."
        return str(html.empty("This sweep no longer exists", gone, "/sweeps", "All sweeps"))


def act(event: gr.EventData, request: gr.Request) -> str:
    """What a button or a form does; returns the address to go to, or "" to stay."""
    with toasts.toast():
        return ACTS[event.name](event.id, event.values, project_of(request)) or ""
    return ""


def _stop(sweep_id: str, _values: Mapping[str, str], _project: str) -> None:
    sweeps.stop(sweep_id)


def _resume(sweep_id: str, _values: Mapping[str, str], _project: str) -> None:
    sweeps.resume(sweep_id)


def _more(sweep_id: str, values: Mapping[str, str], _project: str) -> None:
    text = values.get("trials", "").strip()
    if not text.isdecimal() or len(text) > 6:
        raise RefusedError(f"`{text:.20}` is not a number of trials.", "Give a whole number, such as 20.")
    sweeps.more(sweep_id, int(text))
    toasts.done(f"It continues with {int(text):,} more trials.")


def _rerun(sweep_id: str, _values: Mapping[str, str], _project: str) -> None:
    sweeps.rerun_failed(sweep_id)


def _full(id: str, _values: Mapping[str, str], _project: str) -> None:
    """`id` is SWEEP:TRIAL."""
    sweep_id, _, number = id.partition(":")
    if not number.isdecimal():
        raise RefusedError(f"{id!r:.80} is not a trial.", "Reload the page.")
    sweeps.train_in_full(sweep_id, [int(number)])
    toasts.done(f"Trial {number} trains in full as soon as a device is free.")


def _study(sweep_id: str, _values: Mapping[str, str], _project: str) -> None:
    study_file.make(sweeps.picture(sweep_id))


def _delete(sweep_id: str, _values: Mapping[str, str], _project: str) -> str:
    deleting.delete(sweep_id)
    return "/sweeps"


def _undo(deletion_id: str, _values: Mapping[str, str], _project: str) -> None:
    undo.take_back(deleting.undo, deletion_id)


Act = Callable[[str, Mapping[str, str], str], str | None]
ACTS: dict[str, Act] = {
    "stop": _stop,
    "resume": _resume,
    "more": _more,
    "rerun": _rerun,
    "full": _full,
    "study": _study,
    "delete": _delete,
    "undo": _undo,
    "pick": taste_view.pick,
    "alike": taste_view.alike,
}
FRAGMENTS: dict[str, live.Fragment] = {"sweeps": sweeps_html}
