"""On an endpoint's card: its sleep, a new version on trial, golden prompts, and how a deployment would go."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from engine.errors import RefusedError
from engine.serve import endpoints
from engine.serve.rollout import room
from engine.serve.rollout.asked import MOST_GOLDEN, Rollout, checked
from engine.serve.takeover import handover
from engine.serve.waking import sleeping
from pages.parts import html, toasts
from storage import db, models, runs

Facts = dict[str, Any]
COLUMNS = ("Requests", "Failed", "First word", "Whole answer")
TRIALS = (("", "takes over at once"), ("0.1", "is tried on 10 % of requests"), ("0.5", "is tried on 50 % of requests"))


def buttons(facts: Facts) -> list[Markup]:
    """What can be done now about sleep and trials."""
    name, status, canary = facts["name"], facts["status"], facts["life"]["canary"]
    shown = []
    if canary and canary["word"] == "on":
        shown.append(html.button("Keep new version", "promote", tone="primary"))
        shown.append(html.button("Roll back", "rollback", confirm=f"Roll {name} back to the old version?"))
    if status == "ready" and facts.get("kind") != "external" and not facts["deploying"]:
        shown.append(html.button("Sleep", "sleep"))
    if status == "asleep":
        shown.append(html.link_button("Chat", f"/chat?endpoint={name}", primary=True))
        shown.append(html.button("Wake", "wake"))
    return shown


def life_html(facts: Facts) -> Markup:
    """What callers notice now: that it sleeps, that they wait, that some of them talk to a new version."""
    life, status = facts["life"], facts["status"]
    parts = []
    if status == "asleep":
        parts.append(html.notice("It sleeps and takes no memory.", "The next request wakes it, and waits.", "calm"))
    elif life["waits_since"] and status != "ready":
        stopped = "The old version was stopped first: memory fits only one. " if life["way"] == "replace" else ""
        waiting = f"{stopped}Requests wait for it, {life['waiting']} now."
        parts.append(html.notice("It is not ready yet.", waiting, "calm"))
    if life["canary"]:
        parts.append(_trial(life["canary"]))
    if life["golden"]:
        parts.append(_golden(facts["id"], life["golden"]))
    return html.join(parts)


def _trial(canary: Facts) -> Markup:
    share = f"{100 * canary['share']:g} % of requests"
    match canary["word"]:
        case "on":
            least = f"at least {canary['seconds']} s, and until it has answered 20"
            notice = html.notice("A new version is on trial.", f"It answers {share}: {least}.", "calm")
        case "back":
            notice = html.notice("The new version was rolled back after its trial.", canary["reason"], "warn")
        case _:
            return Markup()  # it answers now: the card is about it
    return Markup("{}{}").format(notice, _sides(canary))


def _sides(canary: Facts) -> Markup:
    headers: list[str | html.Header] = ["Version", *(html.Header(title, "number") for title in COLUMNS)]
    sides = (("Before", canary["blue"]), ("On trial", canary["green"]))
    rows = [html.Row([name, *_cells(side)]) for name, side in sides]
    return html.table(headers, rows, "Both versions while the new one is on trial")


def _cells(side: Facts) -> list[object]:
    return [side["requests"], side["errors"], _seconds(side["stream_seconds"]), _seconds(side["whole_seconds"])]


def _seconds(value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.0f} ms"


def _golden(endpoint_id: str, golden: Sequence[Facts]) -> Markup:
    """Only what differs is shown; how many are the same is said."""
    compared = [prompt for prompt in golden if prompt["same"] is not None]
    differing = [prompt for prompt in compared if not prompt["same"]]
    title = f"Golden prompts: {len(compared) - len(differing)} of {len(compared)} answered as before"
    if not differing:
        return Markup('<p class="ts-note">{}.</p>').format(title)
    rows = [html.Row([prompt["prompt"], prompt["expected"], prompt["answer"] or "no answer"]) for prompt in differing]
    table = html.table(["Prompt", "Expected", "New version"], rows, "Golden prompts answered differently")
    return Markup('<details class="ts-more"><summary>{}</summary>{}</details>').format(title, table)


def rooms(described: Sequence[Facts]) -> dict[str, str]:
    """Endpoint id -> how a deployment of another run would go, for those that answer."""
    ready = [facts for facts in described if facts["status"] == "ready" and facts.get("model_id")]
    if not ready:
        return {}
    with db.reading() as session:
        by_id = models.by_id(session, [facts["model_id"] for facts in ready])
    return {
        facts["id"]: room.of_model(facts["kind"], facts["options"], by_id.get(facts["model_id"])).says
        for facts in ready
    }


def rollout_fields(facts: Facts) -> Markup:
    """Fields of the form that deploys another run: how it takes over, and what it is asked first."""
    choices = html.join(Markup('<option value="{}">{}</option>').format(value, label) for value, label in TRIALS)
    return Markup(
        '<label><span class="ts-sr">How it takes over</span><select name="canary" class="ts-input">{}</select></label>'
        '<label class="ts-wide"><span class="ts-sr">Golden prompts</span>'
        '<textarea name="golden" class="ts-input" rows="2" id="golden-{}" data-keep '
        'placeholder="Golden prompts, one a line: answers are compared with the version before"></textarea></label>'
    ).format(choices, facts["id"])


def sleep_form(facts: Facts) -> Markup:
    """After how long without a request it sleeps."""
    if facts.get("kind") == "external":
        return Markup()
    minutes = facts["life"]["idle_minutes"]
    return Markup(
        "<details><summary>Sleep</summary>"
        '<p class="ts-note">A sleeping endpoint takes no memory. The next request wakes it and waits until it answers, '
        "at most five minutes.</p>"
        '<form class="ts-inline" data-act="idle" data-id="{}"><label>After '
        '<input name="minutes" inputmode="numeric" size="6" maxlength="6" class="ts-input" id="idle-{}" value="{}" '
        'placeholder="never"> minutes without a request</label><button class="ts-button">Save</button></form></details>'
    ).format(facts["id"], facts["id"], "" if minutes is None else f"{minutes:g}")


def deploy(endpoint_id: str, values: Mapping[str, str]) -> None:
    """What the form asks for: another run, served as the one before."""
    with db.reading() as session:
        run = runs.get(session, values.get("run", ""))
    if run is None:
        return
    prompts = [line.strip() for line in values.get("golden", "").splitlines() if line.strip()]
    asked: Rollout = checked({"canary": float(values.get("canary") or 0) or None, "golden": prompts[: MOST_GOLDEN + 1]})
    endpoints.deploy(endpoint_id, model_id=run.model_id, adapters=[run.id], asked=asked)


def _idle(endpoint_id: str, values: Mapping[str, str]) -> None:
    text = values.get("minutes", "").strip()
    try:
        minutes = float(text) if text else None
    except ValueError as error:
        raise RefusedError(f"{text[:40]!r} is not a number of minutes.", "Write a number, or nothing.") from error
    sleeping.set_idle_minutes(endpoint_id, minutes)
    toasts.done(f"It sleeps after {minutes:g} minutes without a request." if minutes else "It never sleeps.")


ACTS: dict[str, Callable[[str, Mapping[str, str]], object]] = {
    "sleep": lambda id, _: sleeping.sleep(id),
    "wake": lambda id, _: sleeping.wake(id),
    "promote": lambda id, _: handover.decide(id, "promote"),
    "deploy": deploy,
    "idle": _idle,
}
