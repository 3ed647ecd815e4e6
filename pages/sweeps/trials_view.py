"""The trials of a sweep as a table: state and why, values, settings, the run."""

from collections.abc import Sequence

from markupsafe import Markup

from engine.sweeps.picture import STATES, Picture
from engine.sweeps.results import plots
from engine.sweeps.study import Trial
from pages.parts import html, pager
from pages.sweeps import address, words
from pages.sweeps.address import Query

ROWS = 100
COLUMNS = 5  # fields with a column of their own; more of them stand in one
TONES = {"complete": "good", "pruned": "calm", "failed": "bad", "refused": "warn", "running": "live"}


def show(picture: Picture, query: Query) -> Markup:
    """The tab of trials: `state` keeps those of one state, `sort` orders them by value."""
    trials = _ordered(picture, query)
    place = pager.place_of(query, ROWS, len(trials))
    on_page = trials[place.offset : place.offset + ROWS]
    kept = {name: query.get(name, "") for name in ("state", "sort") if query.get(name)}
    way = pager.pager_by_page(place, "/sweeps", "trials", sweep=picture.id, tab="trials", **kept)
    return html.join((_states(picture, query), table(picture, on_page, query), way))


def table(picture: Picture, trials: Sequence[Trial], query: Query) -> Markup:
    if not trials:
        text = "No trial has that status." if query.get("state") else "The first one begins as soon as its turn comes."
        return html.empty("No trials", text)
    own = list(picture.spec.space) if len(picture.spec.space) <= COLUMNS else []
    fields = [plots.title(field) for field in own] if own else ["Settings"]
    heads: list[str | html.Header] = [
        "Trial",
        html.Header("State", room=22),
        *_values_heads(picture, query),
        *fields,
        html.Header("Took", "number"),
        html.Header("Actions", "actions"),
    ]
    rows = html.table(heads, [_row(picture, trial, own) for trial in trials], "Trials")
    return Markup('<div class="sw-trials">{}</div>').format(rows)


def _values_heads(picture: Picture, query: Query) -> list[html.Header]:
    """A column a value; the first one sorts."""
    first, *others = [plots.objective(one)["title"] for one in picture.spec.objectives]
    sorted_now = query.get("sort") == "value"
    up = picture.spec.objectives[0].direction == "minimize"
    href = address.of_sweep(picture.id, "trials", state=query.get("state", ""), sort="" if sorted_now else "value")
    order = ("ascending" if up else "descending") if sorted_now else ""
    return [html.Header(first, "number", href=href, order=order),  # type: ignore[arg-type]
            *(html.Header(title, "number") for title in others)]  # fmt: skip


def _row(picture: Picture, trial: Trial, own: Sequence[str]) -> html.Row:
    objectives = picture.spec.objectives
    values = trial.values or (None,) * len(objectives)
    shown = [words.value(one, objective) for one, objective in zip(values, objectives, strict=False)]
    settings = [words.setting(trial.params.get(field)) for field in own] if own else [words.settings(trial.params)]
    use = html.link_button("Use", address.of_settings(picture.id, trial.number)) if trial.state != "refused" else ""
    full = (
        html.button("Train in full", "full", f"{picture.id}:{trial.number}") if picture.can_train_in_full(trial) else ""
    )
    actions = Markup("{}{}").format(full, use)
    return html.Row((_name(trial), _state(trial), *shown, *settings, html.duration(trial.seconds), actions))


def _name(trial: Trial) -> Markup:
    """Its number, which leads to its run."""
    number = html.link(str(trial.number), f"/runs?run={trial.run_id}") if trial.run_id else trial.number
    return Markup('<div class="ts-name">{}<small>{}</small></div>').format(number, words.phase(trial))


def _state(trial: Trial) -> Markup:
    """The state as a word, and why."""
    badge = Markup('<span class="ts-badge" data-tone="{}"><i></i>{}</span>').format(TONES[trial.state], trial.state)
    return badge + Markup('<small class="sw-why">{}</small>').format(trial.reason) if trial.reason else badge


def _ordered(picture: Picture, query: Query) -> list[Trial]:
    trials = [trial for trial in picture.trials if query.get("state", "") in ("", trial.state)]
    if query.get("sort") != "value":
        return trials
    sign = 1 if picture.spec.objectives[0].direction == "minimize" else -1
    return sorted(trials, key=lambda trial: (trial.values is None, sign * (trial.values or (0.0,))[0], trial.number))


def _states(picture: Picture, query: Query) -> Markup:
    """Which trials are shown, with how many there are of each."""
    now = query.get("state", "")
    counted = {state: sum(trial.state == state for trial in picture.trials) for state in STATES}
    choices = [("", "All", len(picture.trials)), *((state, state.capitalize(), counted[state]) for state in STATES)]
    links = html.join(
        Markup('<a class="ts-button" data-soft href="{}"{}>{} {}</a>').format(
            address.of_sweep(picture.id, "trials", state=state, sort=query.get("sort", "")),
            Markup(' aria-current="true"') if state == now else "",
            title,
            count,
        )
        for state, title, count in choices
        if count or state == now
    )
    return Markup('<nav class="ts-actions sw-states" aria-label="Trials by state">{}</nav>').format(links)
