"""Evaluate: what was measured, for what and when; one report in full, several side by side, and a new one.

All of it is one live fragment: `/evaluate` is the list, `?evaluation=ID` a report, `?compare=ID,ID` several.
"""

from collections.abc import Callable, Mapping

import gradio as gr

from engine.errors import NotFoundError
from engine.evaluate import deleting, evaluations
from pages.evaluate import compare_view, list_view, new_form, one_view
from pages.parts import html, live, toasts, undo
from pages.shell import project_of

SLUG, TITLE, SUBTITLE, KEY, ICON = "evaluate", "Evaluate", "Did it help, and how sure is that?", "v", "evaluate"
GROUP = "Prove"


def page() -> None:
    """One live fragment; its buttons are the ACTS."""
    shown = live.live("evaluations", evaluations_html, seconds=3, actions=True)
    target = gr.Textbox(visible=False, elem_id="evaluate-target")
    acted = shown.action(act, None, target, **live.ACTING)
    acted.then(None, target, js=GO_TO_ADDRESS, **live.QUIET)


GO_TO_ADDRESS = "(to) => { if (window.tunesmith) (to ? tunesmith.go(to) : tunesmith.refresh()); }"


def evaluations_html(query: Mapping[str, str]) -> str:
    """What the address asks for."""
    if query.get("evaluation"):
        try:
            return str(one_view.evaluation_html(evaluations.look_up(query["evaluation"])))
        except NotFoundError:
            return str(html.empty("This evaluation no longer exists", "It was deleted, or the link is incomplete.",
                                  "/evaluate", "All evaluations"))  # fmt: skip
    if query.get("compare"):
        return str(compare_view.compared_html(query))
    return str(list_view.list_html(query))


def worse_html(query: Mapping[str, str]) -> str:
    """The rows that were asked, of the evaluation in the address: those that got worse, unless `show` says others."""
    try:
        return str(one_view.worse_rows(query))
    except NotFoundError:
        return ""


def act(event: gr.EventData, request: gr.Request) -> str:
    """What a button or a form does; returns the address to go to, or "" to stay."""
    with toasts.toast():
        return ACTS[event.name](event.id, event.values, project_of(request)) or ""
    return ""


def _stop(evaluation_id: str, _values: Mapping[str, str], _project: str) -> None:
    evaluations.stop(evaluation_id)


def _delete(evaluation_id: str, _values: Mapping[str, str], _project: str) -> str:
    deleting.delete(evaluation_id)
    return "/evaluate"


def _undo(deletion_id: str, _values: Mapping[str, str], _project: str) -> None:
    undo.take_back(deleting.undo, deletion_id)


def _tag(evaluation_id: str, values: Mapping[str, str], _project: str) -> None:
    evaluations.tag(evaluation_id, values.get("tags", "").split(","))


Act = Callable[[str, Mapping[str, str], str], str | None]
ACTS: dict[str, Act] = {
    "measure": new_form.measure,
    "again": one_view.again,
    "again-all": one_view.again_all,
    "stop": _stop,
    "delete": _delete,
    "undo": _undo,
    "tag": _tag,
}
FRAGMENTS: dict[str, live.Fragment] = {"evaluations": evaluations_html, "worse": worse_html}
