"""Runs: what trains now, what has trained, and one of them in full.

The list and the run stand in one live fragment: `/runs` is the list, `/runs?run=ID` the run, `?compare=ID,ID` several,
`?queue=1` the queue.
"""

from collections.abc import Callable, Mapping

import gradio as gr

from engine.errors import NotFoundError
from engine.runs import runs
from engine.serve import endpoints
from pages.parts import html, live, toasts
from pages.runs import checkpoints_view, code, compare_view, machine_view, report, samples_view, stuck_view, take
from pages.runs.listing import acts, list_view
from pages.runs.queue import view as queue_view
from pages.runs.recipe import recipe_html
from pages.runs.view import run_html

SLUG, TITLE, SUBTITLE, KEY, ICON = "runs", "Runs", "What is training now, and what was trained before", "r", "runs"
GROUP = "Train"


def page() -> None:
    """One live fragment; its buttons are the ACTS."""
    live.acting(live.live("runs", runs_html, actions=True), act)


def act(event: gr.EventData) -> None:
    """What a click on a run's button does."""
    with toasts.toast():
        ACTS[event.name](event.id, event.values)


def _serve(run_id: str, _values: Mapping[str, str]) -> None:
    endpoint = endpoints.serve_run(run_id)
    toasts.done(f"{endpoint.name} is starting.", f"See {endpoint.name} on the Serve page", "/serve")


ACTS: dict[str, Callable[[str, Mapping[str, str]], object]] = {
    "stop": lambda id, _: runs.stop_run(id),
    "resume": lambda id, _: runs.resume_run(id),
    "delete": lambda id, _: runs.delete_run(id),
    "rename": lambda id, values: runs.rename_run(id, values.get("name", "")),
    "serve": _serve,
    "prompts": samples_view.change,
    **acts.ACTS,
    "report": report.again,
    "report-all": report.again_on_all,
    "merge": take.merge,
    "delete-export": take.delete,
    "gguf": take.make_gguf,
    "push-export": take.push,
    "prices": machine_view.set_prices,
    "ask": stuck_view.ask,
    **checkpoints_view.ACTS,
    **queue_view.ACTS,
}


def runs_html(query: Mapping[str, str]) -> str:
    """One run or several side by side when the query names them, else the project's runs."""
    if query.get("queue"):
        return str(queue_view.queue_html(query))
    if query.get("compare"):
        return str(compare_view.compared_html(query))
    if not query.get("run"):
        return str(list_view.list_html(query))
    try:
        return str(run_html(runs.look_up(query["run"]), query))
    except NotFoundError:
        not_found = html.empty(
            "This run no longer exists", "It was deleted, or the link is incomplete.", "/runs", "All runs"
        )
        return str(acts.undo_bar(query["project"]) + not_found)


FRAGMENTS: dict[str, live.Fragment] = {
    "runs": runs_html,
    "checkpoints": checkpoints_view.checkpoints_html,
    "recipe": recipe_html,
    "take": take.take_html,
    "code": code.code_html,
    "report": report.report_html,
    "verdict": report.verdict_html,
    "worse": report.worse_html,
    "stuck": stuck_view.stacks_html,
    "filters": list_view.filters_html,
}
