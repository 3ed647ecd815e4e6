"""Home: the first lesson while there is nothing else, then what is running and what was done last."""

from collections.abc import Mapping, Sequence

import gradio as gr
from markupsafe import Markup

from engine.lesson import lesson
from pages.home import machine_facts
from pages.home.lesson_view import invitation_html, progress_html, scene
from pages.parts import html, live, toasts
from pages.parts.filling import filled
from pages.parts.icons import icon
from pages.runs.state import progress_bar, step_words, time_words
from pages.shell import project_of
from storage import counts, db, endpoints, projects, runs
from storage.queued import order
from storage.tables import Backend, Endpoint, Lesson, Run

SLUG, TITLE, SUBTITLE, KEY, ICON = "", "Home", "What this studio is doing now", "h", "home"
GROUP = ""
LATEST = 6
# app/static/tour.js shows it around, and hides this in a browser where that was done or declined.
TOUR = Markup(
    '<aside class="ts-notice ts-tour-offer" data-tone="calm" data-key="tour" aria-label="Tour">'
    "<p>New here? Six short stops show where things are.</p>"
    '<div class="ts-actions"><button type="button" class="ts-button" data-tour-act="start">Show me around</button>'
    '<button type="button" class="ts-button" data-tour-act="decline">No, thanks</button></div></aside>'
)


def page() -> None:
    """One live fragment, and the machine beside it."""
    live.acting(live.live("home", home_html, actions=True), act)


LESSON = {"lesson": lesson.start_lesson, "stop-lesson": lesson.stop_lesson}


def act(event: gr.EventData, request: gr.Request) -> None:
    """The first lesson, started or stopped, in the project the browser has chosen."""
    if event.name in LESSON:
        with toasts.toast():
            LESSON[event.name](project_of(request))


def home_html(query: Mapping[str, str]) -> str:
    """The invitation on an empty home, the lesson while it matters, then the work."""
    project = query["project"]
    with db.reading() as session:
        state = projects.lesson(session, project)
        latest = runs.listed(session, project, LATEST)
        alive = order.alive(session)
        held = machine_facts.held(session) if _worked(state, latest) else {}
        serving = [pair for pair in endpoints.routes(session) if pair[0].project_id == project]
        done = counts.of_project(session, project)
    training = _training_now([run for run in alive if run.project_id == project], done.waiting)
    parts = [
        TOUR if state is None and not latest and not any(done) else Markup(),
        invitation_html() if state is None and not latest else Markup(),
        progress_html(scene(state)) if state is not None and _matters(state, latest) else Markup(),
        _work(latest, training, serving, held) if _worked(state, latest) else Markup(),
        _tiles(done),
    ]
    return str(filled('<div class="ts-stack">{}</div>', html.join(parts)))


def _matters(state: Lesson, latest: Sequence[Run]) -> bool:
    """Until it is done, and then until there is work that came after it."""
    return state.stage != "ready" or not any(
        run.created_at > state.created_at and run.id != state.run_id for run in latest
    )


def _worked(state: Lesson | None, latest: Sequence[Run]) -> bool:
    """Whether there is more to show than the lesson's own run."""
    return any(state is None or run.id != state.run_id for run in latest)


def _training_now(alive: Sequence[Run], waiting: int) -> Markup:
    """Each run that trains, however old, and how many wait behind them."""
    if not alive and not waiting:
        return Markup()
    lines = html.join(_running(run) for run in alive) or Markup('<p class="ts-hint">Nothing trains now.</p>')
    words = "1 run waits in the queue." if waiting == 1 else f"{waiting:,} runs wait in the queue."
    wait = filled('<p class="ts-hint">{}</p>', words) if waiting else ""
    return html.card("Training now", lines, wait, aside=html.link("Queue", "/runs?queue=1"))


def _work(
    latest: Sequence[Run], running: Markup, serving: Sequence[tuple[Endpoint, Backend]], held: machine_facts.Held
) -> Markup:
    all_runs = html.link("All runs", "/runs")
    return filled(
        '<div class="ts-columns" data-key="work"><div class="ts-stack">{}{}</div>'
        '<div class="ts-stack">{}{}</div></div>',
        running,
        html.card("Latest runs", _latest(latest), aside=all_runs),
        _serving(serving),
        html.card("This machine", machine_facts.gauges_html(held)),
    )


def _running(run: Run) -> Markup:
    return filled(
        '<a class="ts-line" href="/runs?run={}"><b>{}</b><small>{}</small>{}<small>{}</small><small>{}</small></a>',
        run.id,
        run.name,
        run.status,
        progress_bar(run),
        step_words(run),
        time_words(run),
    )


def _latest(latest: Sequence[Run]) -> Markup:
    rows = [
        html.Row(
            (
                html.link(run.name, f"/runs?run={run.id}"),
                html.badge(run.status),
                html.number(run.loss),
                html.moment(run.created_at),
            ),
            id=run.id,
        )
        for run in latest
    ]
    headers = (
        "Run",
        html.Header("Status", room=13),
        html.Header("Loss", "number", 7),
        html.Header("Created", "number", 11),
    )
    return html.table(headers, rows, "Latest runs")


def _serving(serving: Sequence[tuple[Endpoint, Backend]]) -> Markup:
    if not serving:
        return Markup()
    lines = html.join(
        filled(
            '<div class="ts-line"><b>{}</b>{}</div>',
            endpoint.name,
            html.link_button("Chat", f"/chat?endpoint={endpoint.name}"),
        )
        for endpoint, _ in serving
    )
    return html.card("Answering now", lines, aside=html.link("Serve", "/serve"))


def _tiles(there: counts.Counts) -> Markup:
    tiles = (
        ("/models", "models", "Models", f"{there.models} here" if there.models else "Add one to train"),
        (
            "/data",
            "data",
            "Data",
            f"{there.datasets} in this project" if there.datasets else "Import your own rows",
        ),
        ("/train", "train", "Train", "Set up a training"),
        ("/runs", "runs", "Runs", f"{there.runs} in this project" if there.runs else "None yet"),
    )
    return filled(
        '<nav class="ts-tiles" aria-label="Where to go next">{}</nav>',
        html.join(
            filled('<a class="ts-tile" href="{}">{}<b>{}</b><small>{}</small></a>', href, icon(picture), title, text)
            for href, picture, title, text in tiles
        ),
    )


FRAGMENTS: dict[str, live.Fragment] = {"home": home_html}
