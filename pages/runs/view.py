"""One run in full: its state and what can be done with it, its tabs, and what the open one shows."""

from collections.abc import Mapping

from markupsafe import Markup

from engine.runs.queue import waits
from engine.serve import adapter_names
from pages.parts import html, sharing
from pages.parts.icons import icon
from pages.runs import code, stuck_view, tabs, take
from pages.runs.state import action_buttons, delete_button, in_title, progress_bar, step_words, time_left_or_taken
from storage import db, endpoints
from storage.statuses import RUN_RESUMABLE, EndpointStatus, RunStatus
from storage.tables import Backend, Endpoint, Run


def run_html(run: Run, query: Mapping[str, str]) -> Markup:
    """A run: its state, then the tab that the query names. Charts and log fetch for themselves, never patched."""
    with db.reading() as session:
        endpoint = _served_by(list(endpoints.routes(session)), run.id)
    current = tabs.open_tab(run, query.get("tab", ""))
    return Markup('<div class="ts-stack" data-id="{}" data-key="run-{}">{}{}{}{}{}{}</div>').format(
        run.id,
        run.id,
        in_title(run, tabs.TABS[current].guide),
        html.link(Markup("&larr; All runs"), "/runs", soft=True),
        _state(run, endpoint),
        _trouble(run),
        tabs.strip(run, current, query),
        tabs.content(run, current, query),
    )


def _state(run: Run, endpoint: Endpoint | None) -> Markup:
    reuse_link = html.link_button("Use this recipe again", f"/train?from={run.id}")
    take_link = _to_tab("Get the model", run, "files") if take.can_be(run) else Markup()
    keep_link = html.link_button("Keep as version", f"/registry?keep={run.id}") if take.can_be(run) else Markup()
    code_link = _to_tab("Get the code", run, "files") if code.can_be(run) else Markup()
    train_further_link = html.link_button("Train further", f"/train?further={run.id}") if run.artifact else Markup()
    chat_link = html.link_button("Chat", f"/chat?endpoint={endpoint.name}", primary=True) if endpoint else Markup()
    head = Markup('<div class="ts-title"><h2>{}</h2>{}{}<div class="ts-actions">{}</div></div>').format(
        run.name,
        _rename(run),
        html.badge(run.status),
        html.join((chat_link, take_link, keep_link, code_link, action_buttons(run), train_further_link, reuse_link))
        + sharing.button(run)
        + delete_button(run),
    )
    bar = Markup('<div class="ts-wide-bar">{}</div>').format(progress_bar(run))
    return Markup('<section class="ts-card">{}{}{}</section>').format(head, bar, _figures(run))


def _to_tab(label: str, run: Run, tab: str) -> Markup:
    return Markup('<a class="ts-button" data-soft href="{}">{}</a>').format(tabs.address(run.id, tab), label)


def _rename(run: Run) -> Markup:
    return Markup(
        '<details class="ts-rename"><summary aria-label="Rename this run" title="Rename">{}</summary>'
        '<form data-act="rename" data-id="{}"><input class="ts-input" name="name" value="{}" maxlength="120" required'
        ' aria-label="New name" autocomplete="off"><button class="ts-button">Rename</button></form></details>'
    ).format(icon("pencil"), run.id, run.name)


def _figures(run: Run) -> Markup:
    time_name, time = time_left_or_taken(run)
    speed = html.DASH if run.tokens_per_second is None else f"{run.tokens_per_second:,.0f}"
    pairs = (
        ("Step", step_words(run)),
        (time_name, time),
        ("Loss", html.number(run.loss)),
        ("Tokens per second", speed),
        ("Device", run.device or run.facts.device or html.DASH),
    )
    items = html.join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, value) for name, value in pairs)
    return Markup('<dl class="ts-figures">{}</dl>').format(items)


def _trouble(run: Run) -> Markup:
    """Why it does not go on, and what to do next."""
    if run.status == RunStatus.QUEUED:
        return _waiting(waits.wait_of(run))
    if stuck_view.is_stuck(run):
        return stuck_view.notice(run, tabs.address(run.id, "machine"))
    if run.status not in RUN_RESUMABLE or (run.status == RunStatus.STOPPED and not run.error):
        return Markup()
    tone = "warn" if run.status == RunStatus.INTERRUPTED else "bad"
    message = run.error or "The training process ended without an error message."
    next_step = "Resume continues from the last good checkpoint. Use this recipe again lets you change it first."
    return html.notice(message, "\n".join(filter(None, (run.hint, next_step))), tone)  # type: ignore[arg-type]


def _waiting(wait: waits.Wait) -> Markup:
    """What it waits for, and the way to the queue."""
    words, remedy = wait.words, wait.remedy or "You can close this window."
    if wait.kind in ("device", "turn"):
        words, remedy = "Waiting for its turn.", f"It waits for this: {wait.words} You can close this window."
    link = html.link("See the queue", "/runs?queue=1", soft=True)
    hint = Markup("{} {}").format(remedy, link)
    return html.notice(words, hint, "warn" if wait.kind in ("blocked", "paused") else "calm")


def _served_by(routes: list[tuple[Endpoint, Backend]], run_id: str) -> Endpoint | None:
    """The endpoint that answers with this run's weights, if one does."""
    serving = (
        endpoint
        for endpoint, backend in routes
        if backend.status == EndpointStatus.READY and run_id in adapter_names.run_ids(backend.adapters)
    )
    return next(serving, None)
