"""Runs: what trains now, what has trained, and one of them in full.

The list and the run stand in one live fragment: `/runs` is the list, `/runs?run=ID` the run, `?compare=ID,ID` several,
`?queue=1` the queue.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from urllib.parse import urlencode

import gradio as gr
from markupsafe import Markup

from engine.errors import NotFoundError
from engine.runs import comparing, runs
from engine.serve import endpoints
from pages.parts import choosing, html, live, toasts
from pages.parts.pager import place_of
from pages.runs import code, compare_view, machine_view, queue_view, report, stuck_view, take
from pages.runs.recipe import recipe_html
from pages.runs.state import action_buttons, progress_bar, step_words, time_words
from pages.runs.story import checkpoints_html
from pages.runs.view import run_html
from storage import datasets as stored_datasets
from storage import db
from storage import models as stored_models
from storage import runs as stored_runs
from storage.tables import Run

SLUG, TITLE, SUBTITLE, KEY, ICON = "runs", "Runs", "What is training now, and what was trained before", "r", "runs"
GROUP = "Train"
ROWS = 50


def page() -> None:
    """One live fragment; its buttons are the ACTS."""
    live.acting(live.live("runs", runs_html, actions=True), act)


def act(event: gr.EventData) -> None:
    """What a click on a run's button does."""
    with toasts.toast():
        ACTS[event.name](event.id, event.values)


def _serve(run_id: str, _values: Mapping[str, str]) -> None:
    endpoint = endpoints.serve_run(run_id)
    toasts.done(f"{endpoint.name} is starting. The Serve page shows when it answers.")


ACTS: dict[str, Callable[[str, Mapping[str, str]], object]] = {
    "stop": lambda id, _: runs.stop_run(id),
    "resume": lambda id, _: runs.resume_run(id),
    "delete": lambda id, _: runs.delete_run(id),
    "rename": lambda id, values: runs.rename_run(id, values.get("name", "")),
    "serve": _serve,
    "report": report.again,
    "report-all": report.again_on_all,
    "merge": take.merge,
    "delete-export": take.delete,
    "gguf": take.make_gguf,
    "push-export": take.push,
    "prices": machine_view.set_prices,
    "ask": stuck_view.ask,
    **queue_view.ACTS,
}


def runs_html(query: Mapping[str, str]) -> str:
    """One run or several side by side when the query names them, else the project's runs."""
    if query.get("queue"):
        return str(queue_view.queue_html(query))
    if query.get("compare"):
        return str(compare_view.compared_html(query))
    if not query.get("run"):
        return str(list_html(query))
    try:
        return str(run_html(runs.look_up(query["run"]), query))
    except NotFoundError:
        not_found = html.empty(
            "This run is not here any more", "It was deleted, or the link is incomplete.", "/runs", "All runs"
        )
        return str(not_found)


def list_html(query: Mapping[str, str]) -> Markup:
    """The project's runs, newest first, a page of them at a time."""
    with db.reading() as session:
        place = place_of(query, ROWS, stored_runs.count(session, query["project"]))
        page_of_runs = stored_runs.listed(session, query["project"], ROWS, place.offset)
        models = stored_models.names(session, [run.model_id for run in page_of_runs])
        datasets = stored_datasets.names(session, [run.dataset_id for run in page_of_runs])
    if not page_of_runs:
        text = "A run trains a model on a dataset. You see its loss fall here, live, and can stop and resume it."
        return html.empty("No runs yet", text, "/train", "Set up a training", "runs")
    page_number, page_count = place.offset // ROWS + 1, ceil(place.total / ROWS)
    chosen = choosing.ids_of(query.get("chosen", ""), comparing.MOST)
    rows = [
        _row(run, models.get(run.model_id, ""), datasets.get(run.dataset_id, ""), chosen, page_number)
        for run in page_of_runs
    ]
    return Markup('<div class="ts-stack">{}{}{}{}</div>').format(
        _summary(place.total), _chosen(chosen, page_number), _table(rows), _pager(page_number, page_count, chosen)
    )


def _address(page_number: int, chosen: Sequence[str]) -> str:
    """The list at a page, with runs chosen."""
    query = {"page": page_number if page_number > 1 else "", "chosen": ",".join(chosen)}
    kept = urlencode({name: value for name, value in query.items() if value}, safe=",")
    return f"/runs?{kept}" if kept else "/runs"


def _chosen(chosen: Sequence[str], page_number: int) -> Markup:
    """How many are chosen, and what can be done with them."""
    if not chosen:
        return Markup()
    if len(chosen) < comparing.FEWEST:
        words, act = "1 run chosen. Choose another one to compare them.", Markup()
    else:
        words = f"{len(chosen)} runs chosen."
        address = f"/runs?{urlencode({'compare': ','.join(chosen)}, safe=',')}"
        act = Markup('<a class="ts-button" data-tone="primary" data-soft href="{}">Side by side</a>').format(address)
    clear = html.link("Clear", _address(page_number, ()), soft=True)
    return Markup(
        '<div class="ts-above rn-chosen" role="status"><p>{}</p><div class="ts-actions">{}{}</div></div>'
    ).format(words, act, clear)


def _summary(count: int) -> Markup:
    words = "1 run" if count == 1 else f"{count:,} runs"
    queue = Markup('<a class="ts-button" data-soft href="/runs?queue=1">Queue</a>')
    acts = html.join((queue, html.link_button("New run", "/train", primary=True)))
    return Markup('<div class="ts-above"><p>{}</p><div class="ts-actions">{}</div></div>').format(words, acts)


def _table(rows: list[html.Row]) -> Markup:
    headers = (
        html.Header("Compare", "actions"),
        "Run",
        html.Header("Status", room=13),
        "Progress",
        html.Header("Loss", "number", 7),
        html.Header("Tokens/s", "number", 8),
        html.Header("Time", "number", 11),
        html.Header("Created", "number", 11),
        html.Header("Actions", "actions"),
    )
    return html.table(headers, rows, "Runs")


def _row(run: Run, model: str, dataset: str, chosen: Sequence[str], page_number: int) -> html.Row:
    href = f"/runs?run={run.id}"
    name = Markup('<div class="ts-name">{}<small>{} on {}</small></div>').format(
        html.link(run.name, href, soft=True), model or run.model_id, dataset or run.dataset_id
    )
    progress = Markup('<div class="ts-progress">{}<small>{}</small></div>').format(progress_bar(run), step_words(run))
    speed = html.DASH if run.tokens_per_second is None else f"{run.tokens_per_second:,.0f}"
    label = f"Compare {run.name}"
    box = choosing.box(run.id, label, chosen, comparing.MOST, lambda ids: _address(page_number, ids))
    return html.Row(
        (
            box,
            name,
            html.badge(run.status, run.error or ""),
            progress,
            html.number(run.loss),
            speed,
            time_words(run),
            html.moment(run.created_at),
            action_buttons(run),
        ),
        id=run.id,
        href=href,
    )


def _pager(page_number: int, page_count: int, chosen: Sequence[str]) -> Markup:
    if page_count == 1:
        return Markup()
    newer, older = (
        html.link(word, _address(number, chosen), soft=True)
        if 1 <= number <= page_count
        else Markup("<span>{}</span>").format(word)
        for word, number in (("Newer", page_number - 1), ("Older", page_number + 1))
    )
    return Markup('<nav class="ts-pager" aria-label="Pages of runs">{}<span>Page {} of {}</span>{}</nav>').format(
        newer, page_number, page_count, older
    )


FRAGMENTS: dict[str, live.Fragment] = {
    "runs": runs_html,
    "checkpoints": checkpoints_html,
    "recipe": recipe_html,
    "take": take.take_html,
    "code": code.code_html,
    "report": report.report_html,
    "verdict": report.verdict_html,
    "worse": report.worse_html,
    "stuck": stuck_view.stacks_html,
}
