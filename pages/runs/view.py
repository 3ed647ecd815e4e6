"""One run in full: state, curves, log, recipe, command, checkpoints and history."""

import time

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.recipes import recipe
from engine.runs import runs
from engine.serve import adapter_names
from pages.parts import html, live
from pages.parts.icons import icon
from pages.runs import charts, code, report, story, take, trackers
from pages.runs.state import action_buttons, progress_bar, seconds_taken, step_words
from storage import datasets, db, endpoints, models, transitions
from storage.statuses import RUN_RESUMABLE, EndpointStatus, RunStatus
from storage.tables import Backend, Dataset, Endpoint, Model, Run, Transition


def run_html(run: Run) -> Markup:
    """Everything about one run. Charts and log are elements that fetch for themselves and are never patched."""
    with db.reading() as session:
        model, dataset = models.get(session, run.model_id), datasets.get(session, run.dataset_id)
        history = list(transitions.log(session, run.id))
        endpoint = _served_by(list(endpoints.routes(session)), run.id)
    return Markup('<div class="ts-stack" data-id="{}" data-key="run-{}">{}{}{}{}{}{}{}{}</div>').format(
        run.id,
        run.id,
        html.link(Markup("&larr; All runs"), "/runs", soft=True),
        _state(run, endpoint),
        _trouble(run),
        report.card_of(run),
        charts.show(run, {}),
        take.card_of(run),
        code.card_of(run),
        Markup(
            '<div class="ts-columns"><div class="ts-stack">{}{}{}{}</div><div class="ts-stack">{}{}{}{}{}</div></div>'
        ).format(
            story.notes_card(run),
            html.card("Log", Markup('<ts-log data-keep id="log-{}" run="{}"></ts-log>').format(run.id, run.id)),
            live.element("runs", "recipe", 30),
            _command(run),
            html.card("Facts", _facts(run, model, dataset)),
            trackers.card(run),
            story.lineage(run),
            html.card("Checkpoints", live.element("runs", "checkpoints", 10)),
            html.card("History", _history(history)),
        ),
    )


def _state(run: Run, endpoint: Endpoint | None) -> Markup:
    reuse_link = html.link_button("Use this recipe again", f"/train?from={run.id}")
    take_link = html.link_button("Get the model", f"#{take.PLACE}") if take.can_be(run) else Markup()
    keep_link = html.link_button("Keep as version", f"/registry?keep={run.id}") if take.can_be(run) else Markup()
    code_link = html.link_button("Take the code", f"#{code.PLACE}") if code.can_be(run) else Markup()
    train_further_link = html.link_button("Train further", f"/train?further={run.id}") if run.artifact else Markup()
    chat_link = html.link_button("Chat", f"/chat?endpoint={endpoint.name}", primary=True) if endpoint else Markup()
    head = Markup('<div class="ts-title"><h2>{}</h2>{}{}<div class="ts-actions">{}</div></div>').format(
        run.name,
        _rename(run),
        html.badge(run.status),
        html.join((chat_link, take_link, keep_link, code_link, action_buttons(run), train_further_link, reuse_link)),
    )
    bar = Markup('<div class="ts-wide-bar">{}</div>').format(progress_bar(run))
    return Markup('<section class="ts-card">{}{}{}</section>').format(head, bar, _figures(run))


def _rename(run: Run) -> Markup:
    return Markup(
        '<details class="ts-rename"><summary aria-label="Rename this run" title="Rename">{}</summary>'
        '<form data-act="rename" data-id="{}"><input class="ts-input" name="name" value="{}" maxlength="120" required'
        ' aria-label="New name" autocomplete="off"><button class="ts-button">Rename</button></form></details>'
    ).format(icon("pencil"), run.id, run.name)


def _figures(run: Run) -> Markup:
    moving = run.status == RunStatus.RUNNING
    speed = html.DASH if run.tokens_per_second is None else f"{run.tokens_per_second:,.0f}"
    time_left = html.remaining(run.eta_seconds) if moving else html.DASH
    pairs = (
        ("Step", step_words(run)),
        ("Time left" if moving else "Took", time_left if moving else html.duration(seconds_taken(run))),
        ("Loss", html.number(run.loss)),
        ("Tokens per second", speed),
        ("Device", run.device or run.facts.device or html.DASH),
    )
    items = html.join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, value) for name, value in pairs)
    return Markup('<dl class="ts-figures">{}</dl>').format(items)


def _trouble(run: Run) -> Markup:
    """Why it does not go on, and what to do next."""
    if run.status == RunStatus.QUEUED:
        return html.notice(
            "Waiting for its turn.", "It starts as soon as a device is free. You can close this window.", "calm"
        )
    if run.status == RunStatus.RUNNING and run.facts.silent_since:
        silence = html.duration(time.time() - run.facts.silent_since)
        hint = "Its process may hang or be frozen. If it does not go on: stop it, then resume it from its checkpoint."
        return html.notice(f"The training has said nothing for {silence}.", hint, "warn")
    if run.status not in RUN_RESUMABLE or (run.status == RunStatus.STOPPED and not run.error):
        return Markup()
    tone = "warn" if run.status == RunStatus.INTERRUPTED else "bad"
    message = run.error or "The training process ended without an error message."
    next_step = "Resume continues from the last good checkpoint. Use this recipe again lets you change it first."
    return html.notice(message, "\n".join(filter(None, (run.hint, next_step))), tone)  # type: ignore[arg-type]


NOT_FACTS = ("device", "stage", "repeats")  # shown elsewhere while it matters


def _facts(run: Run, model: Model | None, dataset: Dataset | None) -> Markup:
    other_facts = [
        (name.replace("_", " ").capitalize(), _plain(value))
        for name, value in run.facts
        if isinstance(value, str | int | float) and name not in NOT_FACTS
    ]
    return html.facts(
        (
            ("Model", html.link(model.name if model else run.model_id, "/models")),
            ("Dataset", html.link(dataset.name if dataset else run.dataset_id, f"/data?dataset={run.dataset_id}")),
            ("Method", ", ".join(str(run.recipe[name]) for name in ("method", "tuning") if name in run.recipe)),
            ("Created", html.moment(run.created_at)),
            ("Attempt", run.attempt),
            ("Result", run.artifact or ""),
            ("Run id", run.id),
            *other_facts,
        )
    )


def _plain(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _command(run: Run) -> Markup:
    try:
        text = runs.preview(recipe.parse(run.recipe))
    except TunesmithError as error:
        text = str(error)
    return _copyable("Command", f"command-{run.id}", text)


def _copyable(title: str, id: str, text: str) -> Markup:
    copy = Markup('<button type="button" class="ts-button" data-copy="{}">Copy</button>').format(id)
    return html.card(title, Markup('<pre class="ts-code" id="{}" tabindex="0">{}</pre>').format(id, text), aside=copy)


def _history(entries: list[Transition]) -> Markup:
    items = html.join(
        Markup("<li><time>{}</time><span>{} &rarr; {}</span><small>{}</small></li>").format(
            time.strftime("%m-%d %H:%M:%S", time.localtime(entry.at)), entry.before, entry.after, entry.reason
        )
        for entry in reversed(entries)
    )
    return (
        Markup('<ol class="ts-history">{}</ol>').format(items)
        if entries
        else Markup('<p class="ts-hint">Nothing yet.</p>')
    )


def _served_by(routes: list[tuple[Endpoint, Backend]], run_id: str) -> Endpoint | None:
    """The endpoint that answers with this run's weights, if one does."""
    serving = (
        endpoint
        for endpoint, backend in routes
        if backend.status == EndpointStatus.READY and run_id in adapter_names.run_ids(backend.adapters)
    )
    return next(serving, None)
