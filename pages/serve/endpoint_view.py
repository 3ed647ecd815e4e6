"""An endpoint as a card: how it is, what it answers to, how to call it, and what can be done with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from engine.registry import following
from engine.serve import endpoints, figures, parity
from pages.parts import html
from pages.parts.pager import pager_by_page, place_of
from pages.serve import adapters_view, gguf_view, life_view
from pages.serve.figures_view import figures_html
from pages.serve.options import called, in_words
from pages.serve.parity_view import parity_html
from storage import db, home
from storage import endpoints as stored_endpoints
from storage import models as stored_models
from storage import runs as stored_runs
from storage.tables import Run

Facts = dict[str, Any]
LIVE = ("queued", "starting", "ready", "draining", "asleep")
KIND_WORDS = {
    "transformers": "in the studio",
    "vllm": "by vLLM",
    "llama": "by llama.cpp, from a GGUF file",
    "external": "somewhere else",
}
NUMBERS = {"embeddings": "vectors (/v1/embeddings)", "scores": "scores (/v1/score)"}
CARDS = 20
MOST_OFFERED = 200  # runs, the newest


@dataclass(frozen=True)
class Context:
    """What the cards say beside the endpoints, read once for all of them: names by id, and what can be deployed."""

    models: Mapping[str, str]
    deployable: Sequence[Run]
    parities: Mapping[str, Facts]  # endpoint -> how it compares with the trained form
    rooms: Mapping[str, str]  # endpoint -> how a deployment would go
    follows: Mapping[str, str]  # endpoint -> version:NAME@ALIAS
    files: Mapping[str, str]  # export of a GGUF file -> what people call it


def endpoints_html(query: Mapping[str, str]) -> str:
    """The endpoints of the project, those that run first, a page of them at a time."""
    with db.reading() as session:
        place = place_of(query, CARDS, stored_endpoints.count(session, query["project"]))
        page_of_endpoints = stored_endpoints.running_first(session, query["project"], CARDS, place.offset)
    if not page_of_endpoints:
        text = (
            "An endpoint gives a model a name that the chat, and any OpenAI client, can call. "
            "Press Serve on a finished run, or start one above."
        )
        return str(html.empty("Nothing is served yet", text, "/runs", "Finished runs", "serve"))
    described = endpoints.describe_all(page_of_endpoints)
    context = _context(query["project"], described)
    cards = html.join(_card(facts, context) for facts in described)
    return str(Markup('<div class="ts-stack">{}{}</div>').format(cards, pager_by_page(place, "/serve", "endpoints")))


def _context(project_id: str, described: Sequence[Facts]) -> Context:
    with db.reading() as session:
        models = stored_models.names(session, [facts["model_id"] for facts in described if facts.get("model_id")])
        any_ready = any(facts["status"] == "ready" for facts in described)
        deployable = stored_runs.with_results(session, project_id, MOST_OFFERED) if any_ready else []
    parities = parity.of_all({facts["id"]: facts.get("backend_id") for facts in described})
    follows = following.of_endpoints([facts["id"] for facts in described])
    files = gguf_view.names({_file(facts) for facts in described if _file(facts)})
    return Context(models, deployable, parities, life_view.rooms(described), follows, files)


def _file(facts: Facts) -> str:
    """The export whose GGUF file it serves; "" for what serves none."""
    return str((facts.get("options") or {}).get("export_id") or "")


def _card(facts: Facts, context: Context) -> Markup:
    head = Markup(
        '<header class="sv-head"><h2>{}</h2>{}<span class="sv-kind">{}</span><div class="ts-actions">{}</div></header>'
    ).format(
        facts["name"],
        html.badge("does_not_answer" if facts["life"]["silent"] else facts["status"]),
        _about(facts, context),
        html.join(_buttons(facts)),
    )
    live = facts["status"] in LIVE
    shown = figures_html(figures.of(facts["id"])) if facts["status"] in ("ready", "draining") else Markup()
    return Markup(
        '<section class="ts-card ts-endpoint" data-id="{}" data-key="{}" data-status="{}">{}{}{}{}{}{}{}{}</section>'
    ).format(
        facts["id"],
        facts["id"],
        facts["status"],
        head,
        _troubles(facts),
        life_view.life_html(facts),
        shown,
        _facts(facts, context) if facts["status"] != "stopped" else "",
        _names(facts) if live else "",
        adapters_view.adapters_html(facts),
        _details(facts, context),
    )


def _about(facts: Facts, context: Context) -> str:
    """What answers, in a few words; for a stopped one all there is to say."""
    about = KIND_WORDS.get(facts.get("kind") or "", "")
    if facts["status"] != "stopped":
        return about
    options, runs = facts.get("options") or {}, [adapter["run_name"] for adapter in facts["served_adapters"]]
    model = context.models.get(facts.get("model_id") or "", options.get("model", ""))
    model = context.files.get(_file(facts), model)
    return " · ".join(part for part in (about, model, *runs) if part)


def _buttons(facts: Facts) -> list[Markup]:
    name, status = facts["name"], facts["status"]
    can_chat = status == "ready" and facts["does"] == "text"
    buttons = [html.link_button("Chat", f"/chat?endpoint={name}", primary=True)] if can_chat else []
    if facts["can_roll_back"] and status == "ready":
        buttons.append(html.button("Roll back", "rollback", confirm=f"Roll {name} back to the version before?"))
    buttons += life_view.buttons(facts)
    if status in LIVE:
        buttons.append(html.link_button("Change", f"/serve?deploy={facts['id']}"))
        buttons.append(html.button("Stop", "stop", confirm=_what_ends(facts)))
    else:
        buttons.append(html.button("Start again", "start"))
        buttons.append(html.link_button("Change", f"/serve?deploy={facts['id']}"))
    buttons.append(html.button("Delete", "delete", confirm=f"Delete {name}? Runs and models stay.", tone="danger"))
    return buttons


def _what_ends(facts: Facts) -> str:
    """What a person agrees to who stops it."""
    after = f"Callers of {facts['name']} get errors until you start it again."
    if facts.get("kind") == "external":
        return f"Stop {facts['name']}? The server somewhere else goes on. {after}"
    cut_off = "Answers being written get ten seconds, then they are cut off. " if facts["status"] == "ready" else ""
    return f"Stop {facts['name']}? {cut_off}{after}"


def _troubles(facts: Facts) -> Markup:
    """What went wrong, or takes its time, in words."""
    notices = []
    if facts.get("error") and facts["status"] != "ready":
        message, hint = (called(facts.get("kind") or "", text) for text in (facts["error"], facts.get("hint") or ""))
        notices.append(html.notice(message, hint))
    if silent := facts["life"]["silent"]:
        notices.append(_silence(silent))
    if facts["last_deployment_error"]:
        notices.append(html.notice("The last deployment did not take over.", facts["last_deployment_error"], "warn"))
    if facts["deploying"] and facts["deploying"]["status"] != "ready":  # else it is on trial
        notices.append(html.notice("A new version is starting.", "It takes over as soon as it answers.", "calm"))
    elif facts["status"] in ("queued", "starting"):
        notices.append(html.progress(None, f"{facts['name']} is starting"))
    return html.join(notices)


def _silence(silent: Facts) -> Markup:
    """An outside server that does not answer: since when, why, and what follows."""
    hint = Markup("{} First noticed {}. Requests are still passed on. This notice goes when it answers again.").format(
        silent["reason"], html.moment(silent["since"])
    )
    return html.notice("It does not answer.", hint, "warn")


def _facts(facts: Facts, context: Context) -> Markup:
    options = facts.get("options") or {}
    return html.facts(
        [
            ("Model there", options.get("model", "")),
            ("GGUF file", context.files.get(_file(facts), "")),
            ("Base model", context.models.get(facts.get("model_id") or "", "")),
            ("Address", options.get("url", "")),
            ("Answers with", NUMBERS.get(facts["does"], "")),
            ("Follows", _followed(context.follows.get(facts["id"], ""))),
            ("Device", facts.get("device") or ""),
            ("Options", _options(facts)),
            ("Ready", html.moment(facts["ready_at"]) if facts.get("ready_at") else ""),
            ("Last used", html.moment(facts["life"]["last_used_at"]) if facts["life"]["last_used_at"] else "not yet"),
            ("Restarts", facts.get("restarts") or ""),
        ]
    )


def _followed(subject: str) -> Markup | str:
    """The alias that decides what it serves, with the way to its model."""
    name = subject.removeprefix("version:").partition("@")[0]
    return Markup('<a href="/registry?model={}">{}</a>').format(name, subject) if subject else ""


def _options(facts: Facts) -> Markup:
    """What the backend was started with, beyond its address."""
    known = facts.get("options") or {}
    return html.join(
        Markup("<span>{}</span> ").format(in_words({name: value}))
        for name, value in known.items()
        if name != "export_id" and (facts.get("kind") != "external" or name == "api_key_env")
    )


def _names(facts: Facts) -> Markup:
    chips = html.join(Markup("<li><code>{}</code></li>").format(name) for name in facts["models"])
    return (
        Markup('<div class="ts-names"><span>Names on /v1</span><ul>{}</ul></div>').format(chips) if chips else Markup()
    )


def _details(facts: Facts, context: Context) -> Markup:
    """What is looked at now and then; all but the short forms is fetched when it is opened."""
    id, live = facts["id"], facts["status"] in LIVE
    parts = [
        _fold("try", "Try it", id) if live else "",
        _fold("clients", "Use it in a program", id) if live else "",
        adapters_view.add_form(facts, context.deployable),
        _deploy_form(facts, context),
        parity_html(facts, context.parities.get(facts["id"])),
        life_view.sleep_form(facts),
        _fold("log", "Log", id, seconds=2) if _has_log(facts) else "",
    ]
    content = html.join(part for part in parts if part)
    return Markup('<div class="ts-folds">{}</div>').format(content) if content else Markup()


def _has_log(facts: Facts) -> bool:
    """Whether its processes have said something, or will."""
    if not facts.get("backend_id") or facts.get("kind") == "external":
        return False
    return facts["status"] in LIVE or (home.backend_folder(facts["backend_id"]) / "output.log").exists()


def _fold(name: str, title: str, endpoint_id: str, seconds: int = 0) -> Markup:
    """A part that is fetched when it is opened, and again every so many seconds while it is."""
    again = Markup(' seconds="{}"').format(seconds) if seconds else ""
    return Markup(
        '<details data-key="{}"><summary>{}</summary>'
        '<ts-fold data-keep id="fold-{}-{}" src="/fragments/serve/{}?endpoint={}"{}></ts-fold></details>'
    ).format(name, title, name, endpoint_id, name, endpoint_id, again)


def _deploy_form(facts: Facts, context: Context) -> Markup:
    """Another run in place of this one, without a gap."""
    others = [run for run in context.deployable if [run.id] != facts.get("adapters")]
    if not others or facts.get("kind") == "external" or facts["status"] != "ready":
        return Markup()
    options = html.join(Markup('<option value="{}">{}</option>').format(run.id, run.name) for run in others)
    return Markup(
        '<details data-key="deploy"><summary>Deploy another run</summary>'
        '<p class="ts-note">{}</p>'
        '<form class="ts-inline" data-act="deploy" data-id="{}"><label><span class="ts-sr">Run</span>'
        '<select name="run" class="ts-input">{}</select></label>{}'
        '<button class="ts-button">Deploy</button></form></details>'
    ).format(context.rooms.get(facts["id"], ""), facts["id"], options, life_view.rollout_fields(facts))
