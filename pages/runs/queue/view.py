"""The queue: what trains, what waits and for what, how it is set, and who holds the devices (`/runs?queue=1`)."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from engine.runs.queue import changes, freeing, holders, waits
from pages.parts import fields, html, stopping
from pages.parts.pager import pager_by_page, place_of
from pages.runs.queue.devices import devices_html
from pages.runs.state import progress_bar, step_words, time_words
from storage import db
from storage.queued import order
from storage.tables import QueueState, Run

ROWS = 25
PRIORITIES = ((10, "High"), (0, "Normal"), (-10, "Low"))


def queue_html(query: Mapping[str, str]) -> Markup:
    """The whole view. It belongs to the studio: devices are shared by all projects."""
    with db.reading() as session:
        place = place_of(query, ROWS, order.count_waiting(session))
    queue = waits.look(ROWS, place.offset)
    may_act = query.get("role") != "viewer"
    return Markup('<div class="ts-stack" data-key="queue" data-queue>{}</div>').format(
        html.join(
            (
                html.in_title("The queue", guide="queue"),
                html.link(Markup("&larr; All runs"), "/runs", soft=True),
                _head(queue, may_act),
                _paused(queue.settings),
                html.card("Training now", _running(queue.running)),
                _waiting(queue, may_act),
                pager_by_page(place, "/runs", "runs", queue="1"),
                html.card("Devices", devices_html(holders.by_device(), may_act), id="devices"),
                _settings(queue.settings) if may_act else "",
            )
        )
    )


def _head(queue: waits.Queue, may_act: bool) -> Markup:
    words = f"{len(queue.running):,} running, {queue.total:,} waiting"
    if queue.settings.paused_at is None:
        act = html.button("Pause the queue", "queue-pause", "queue")
    else:
        act = html.button("Go on", "queue-go-on", "queue", tone="primary")
    return Markup('<div class="ts-above"><p role="status">{}</p>{}</div>').format(words, act if may_act else "")


def _paused(settings: QueueState) -> Markup:
    if settings.paused_at is None:
        return Markup()
    why = settings.pause_reason or "Somebody has paused it."
    hint = f"{why} What is training continues; nothing else starts until you press Go on, even after a restart."
    return html.notice("The queue is paused.", hint, "warn")


def _running(running: Sequence[Run]) -> Markup:
    if not running:
        return Markup('<p class="ts-hint">Nothing trains now.</p>')
    return html.join(
        Markup(
            '<a class="ts-line" data-key="{}" href="/runs?run={}"><b>{}</b><small>{}</small>{}<small>{}</small>'
            "<small>{}</small></a>"
        ).format(
            run.id, run.id, run.name, f"{run.status} on {run.device}", progress_bar(run), step_words(run),
            time_words(run),
        )
        for run in running
    )  # fmt: skip


def _waiting(queue: waits.Queue, may_act: bool) -> Markup:
    if not queue.waiting:
        return html.card("Waiting", Markup('<p class="ts-hint">Nothing waits. A run that you start comes here.</p>'))
    last = queue.total
    headers = (
        html.Header("Place", "number", 5),
        "Run",
        "Waits for",
        html.Header("Priority", room=9),
        "Starts after",
        html.Header("Actions", "actions"),
    )
    rows = [_row(row, last, may_act) for row in queue.waiting]
    return html.table(headers, rows, "Runs that wait")


def _row(row: waits.Waiting, last: int, may_act: bool) -> html.Row:
    run = row.run
    remedy = Markup("<small>{}</small>").format(row.wait.remedy) if row.wait.remedy else ""
    wait = Markup('<div class="rq-wait" data-kind="{}">{}{}</div>').format(row.wait.kind, row.wait.words, remedy)
    after = row.after_name or html.DASH
    cells = (
        _handle(row, may_act),
        html.link(run.name, f"/runs?run={run.id}"),
        wait,
        _priority(run) if may_act else run.priority,
        _after(row) if may_act else after,
        _actions(row, last) if may_act else "",
    )
    return html.Row(cells, id=run.id)


def _handle(row: waits.Waiting, may_act: bool) -> Markup:
    if not may_act:
        return Markup("{}").format(row.place)
    return Markup(
        '<span class="rq-place"><span class="rq-handle" draggable="true" title="Drag {} to another place"'
        ' aria-hidden="true">⠿</span>{}</span>'
        '<form data-act="queue-move" data-id="{}" hidden><input name="before" type="hidden">'
        '<input name="behind" type="hidden"></form>'
    ).format(row.run.name, row.place, row.run.id)


def _priority(run: Run) -> Markup:
    known = dict(PRIORITIES)
    choices = PRIORITIES if run.priority in known else ((run.priority, str(run.priority)), *PRIORITIES)
    options = html.join(_option(value, label, value == run.priority) for value, label in sorted(choices, reverse=True))
    return Markup(
        '<form data-act="queue-priority" data-id="{}" data-key="priority-{}">'
        '<select class="rq-select" name="priority" data-sends aria-label="Priority of {}">{}</select></form>'
    ).format(run.id, run.priority, run.name, options)


def _option(value: object, label: object, is_chosen: bool = False) -> Markup:
    chosen = Markup(" selected") if is_chosen else ""
    return Markup('<option value="{}"{}>{}</option>').format(value, chosen, label)


def _after(row: waits.Waiting) -> Markup:
    """The menu names what stands on the page once it is opened (queue.js): a menu of all in each row is too much."""
    run = row.run
    words = row.after_name or ("a deleted run" if run.after_run_id else "none")
    now = [_option(run.after_run_id, words, is_chosen=True)] if run.after_run_id else []
    options = html.join([*now, _option("", "none")])
    checked = Markup(" checked") if run.after_success else ""
    state = (run.after_run_id or "none", run.after_success)
    return Markup(
        '<details class="rq-after" data-key="after-{}-{}"><summary>{}</summary>'
        '<form data-act="queue-after" data-id="{}">'
        '<label>After the run<select class="rq-select" name="after" data-keep id="after-{}-{}">{}</select></label>'
        '<label class="rq-check"><input type="checkbox" name="only" value="1"{}> Only if it succeeded</label>'
        '<button class="ts-button">Save</button></form></details>'
    ).format(*state, words, run.id, run.id, state[0], options, checked)


def _actions(row: waits.Waiting, last: int) -> Markup:
    run = row.run
    anyway = html.button("Start anyway", "queue-anyway", run.id) if row.wait.kind in ("blocked", "after") else ""
    return html.join(
        (
            anyway,
            _arrow("queue-up", run, f"Move {run.name} up", "↑", row.place == 1),
            _arrow("queue-down", run, f"Move {run.name} down", "↓", row.place == last),
            stopping.stop("run", run.id, run.name),
        )
    )


def _arrow(act: str, run: Run, label: str, sign: str, is_at_end: bool) -> Markup:
    return Markup(
        '<button type="button" class="ts-button rq-arrow" data-act="{}" data-id="{}" aria-label="{}" title="{}"{}>'
        "{}</button>"
    ).format(act, run.id, label, label, Markup(" disabled") if is_at_end else "", sign)


def _settings(settings: QueueState) -> Markup:
    stop, minutes = settings.stop_after_failure, settings.sleep_idle_minutes
    form = Markup(
        '<form class="rq-settings" data-act="queue-settings" data-id="queue">'
        '<label>After a failure<select class="rq-select" name="after_failure">'
        '<option value="go_on"{}>go on with the next run</option><option value="stop"{}>pause the queue</option>'
        "</select></label>"
        "<label>Put endpoints to sleep that had no request for this many minutes, while a run trains on their device"
        '<input class="ts-input" type="number" name="minutes" min="1" max="10080" step="any" placeholder="never"'
        ' value="{}"></label><p class="ts-hint">They answer again after the training, or at the next request.</p>'
        '<button class="ts-button">Save</button></form>'
    ).format(
        Markup("") if stop else Markup(" selected"),
        Markup(" selected") if stop else Markup(""),
        "" if minutes is None else f"{minutes:g}",
    )
    return html.card("Settings of the queue", form)


def _set(_id: str, values: Mapping[str, str]) -> None:
    minutes = fields.real(values, "minutes", "minutes") if values.get("minutes", "").strip() else None
    changes.set_behaviour(values.get("after_failure") == "stop", minutes)


def _after_of(run_id: str, values: Mapping[str, str]) -> None:
    changes.change(run_id, after=values.get("after", ""), only_if_succeeded="only" in values)


ACTS = {
    "queue-pause": lambda _id, _: changes.pause(),
    "queue-go-on": lambda _id, _: changes.go_on(),
    "queue-up": lambda id, _: changes.shift(id, -1),
    "queue-down": lambda id, _: changes.shift(id, 1),
    "queue-move": lambda id, values: changes.move(id, values.get("before") or None, values.get("behind") or None),
    "queue-priority": lambda id, values: changes.change(id, priority=fields.whole(values, "priority", "a priority")),
    "queue-after": _after_of,
    "queue-anyway": lambda id, _: changes.start_anyway(id),
    "queue-settings": _set,
    "queue-free-stop_run": lambda id, _: freeing.free("stop_run", id),
    "queue-free-stop_endpoint": lambda id, _: freeing.free("stop_endpoint", id),
    "queue-free-sleep_endpoint": lambda id, _: freeing.free("sleep_endpoint", id),
    "queue-free-stop_evaluation": lambda id, _: freeing.free("stop_evaluation", id),
    "queue-free-stop_work": lambda id, _: freeing.free("stop_work", id),
}
