"""An endpoint as a card: how it is, what it answers to, how to call it, and what can be done with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from engine.process import process
from engine.serve import endpoints
from pages.parts import html
from pages.parts.pager import pager_by_page, place_of
from pages.serve.parity_view import parity_html
from storage import db, home
from storage import endpoints as stored_endpoints
from storage import models as stored_models
from storage import runs as stored_runs
from storage.tables import Run

Facts = dict[str, Any]
LIVE = ("queued", "starting", "ready", "draining")
KIND_WORDS = {"transformers": "transformers, in the studio", "vllm": "vLLM", "external": "an API somewhere else"}
LOG_LINES = 40
CARDS = 20
MOST_OFFERED = 200  # runs, the newest


@dataclass(frozen=True)
class Context:
    """What the cards say beside the endpoints, read once for all of them: names by id, and what can be deployed."""

    models: Mapping[str, str]
    runs: Mapping[str, str]
    deployable: Sequence[Run]


def endpoints_html(query: Mapping[str, str]) -> str:
    """The endpoints of the project, those that run first, a page of them at a time."""
    with db.reading() as session:
        place = place_of(query, CARDS, stored_endpoints.count(session, query["project"]))
        page_of_endpoints = stored_endpoints.running_first(session, query["project"], CARDS, place.offset)
    if not page_of_endpoints:
        text = (
            "An endpoint gives a model a name that the chat, and any OpenAI client, can call. "
            "Press Serve on a finished run, or start one below."
        )
        return str(html.empty("Nothing is served yet", text, "/runs", "Finished runs", "serve"))
    described = endpoints.describe_all(page_of_endpoints)
    context = _context(query["project"], described)
    cards = html.join(_card(facts, context) for facts in described)
    return str(Markup('<div class="ts-stack">{}{}</div>').format(cards, pager_by_page(place, "/serve", "endpoints")))


def _context(project_id: str, described: Sequence[Facts]) -> Context:
    with db.reading() as session:
        models = stored_models.names(session, [facts["model_id"] for facts in described if facts.get("model_id")])
        runs = stored_runs.names(session, [run_id for facts in described for run_id in facts.get("adapters", [])])
        any_ready = any(facts["status"] == "ready" for facts in described)
        deployable = stored_runs.with_results(session, project_id, MOST_OFFERED) if any_ready else []
    return Context(models, runs, deployable)


def _card(facts: Facts, context: Context) -> Markup:
    head = Markup('<div class="ts-title"><h2>{}</h2>{}<div class="ts-actions">{}</div></div>').format(
        facts["name"], html.badge(facts["status"]), html.join(_buttons(facts))
    )
    return Markup('<section class="ts-card ts-endpoint" data-id="{}" data-key="{}">{}{}{}{}{}</section>').format(
        facts["id"],
        facts["id"],
        head,
        _troubles(facts),
        _facts(facts, context),
        _names(facts),
        _details(facts, context),
    )


def _buttons(facts: Facts) -> list[Markup]:
    name, status = facts["name"], facts["status"]
    buttons = [html.link_button("Chat", f"/chat?endpoint={name}", primary=True)] if status == "ready" else []
    if facts["can_roll_back"] and status == "ready":
        buttons.append(html.button("Roll back", "rollback", confirm=f"Roll {name} back to the version before?"))
    if status in LIVE:
        buttons.append(html.button("Stop", "stop"))
    else:
        buttons.append(html.button("Start again", "start", tone="primary"))
    buttons.append(html.button("Delete", "delete", confirm=f"Delete {name}? Runs and models stay.", tone="danger"))
    return buttons


def _troubles(facts: Facts) -> Markup:
    """What went wrong, or takes its time, in words."""
    notices = []
    if facts.get("error") and facts["status"] != "ready":
        notices.append(html.notice(facts["error"], facts.get("hint") or ""))
    if facts["last_deployment_error"]:
        notices.append(html.notice("The last deployment did not take over.", facts["last_deployment_error"], "warn"))
    if facts["deploying"]:
        notices.append(html.notice("A new version is starting.", "It takes over as soon as it answers.", "calm"))
    elif facts["status"] in ("queued", "starting"):
        notices.append(html.progress(None, f"{facts['name']} is starting"))
    return html.join(notices)


def _facts(facts: Facts, context: Context) -> Markup:
    adapters = html.join(
        Markup("{} ").format(html.link(context.runs.get(run_id, run_id), f"/runs?run={run_id}"))
        for run_id in facts.get("adapters", [])
    )
    options = facts.get("options") or {}
    return html.facts(
        [
            ("Answered by", KIND_WORDS.get(facts.get("kind", ""), "")),
            ("Base model", context.models.get(facts.get("model_id", ""), options.get("model", ""))),
            ("Address", options.get("url", "")),
            ("Adapters", adapters),
            ("Device", facts.get("device") or ""),
            ("Ready", html.moment(facts["ready_at"]) if facts.get("ready_at") else ""),
            ("Restarts", facts.get("restarts") or ""),
        ]
    )


def _names(facts: Facts) -> Markup:
    chips = html.join(Markup("<li><code>{}</code></li>").format(name) for name in facts["models"])
    return (
        Markup('<div class="ts-names"><span>Names on /v1</span><ul>{}</ul></div>').format(chips) if chips else Markup()
    )


def _details(facts: Facts, context: Context) -> Markup:
    parts = [_how_to_call(facts), parity_html(facts), _deploy_form(facts, context.deployable), _log(facts)]
    return Markup('<div class="ts-folds">{}</div>').format(html.join(parts))


def _how_to_call(facts: Facts) -> Markup:
    """The same question in curl and in Python; the browser fills in the address it has the studio at."""
    id, name = facts["id"], facts["name"]
    curl = Markup(
        'curl <ts-origin data-keep id="origin-curl-{}"></ts-origin>/v1/chat/completions \\\n'
        '  -H "Authorization: Bearer $TUNESMITH_KEY" -H "Content-Type: application/json" \\\n'
        '  -d \'{{"model": "{}", "messages": [{{"role": "user", "content": "Hello"}}]}}\''
    ).format(id, name)
    python = Markup(
        "from openai import OpenAI\n\n"
        'client = OpenAI(base_url="<ts-origin data-keep id="origin-python-{}"></ts-origin>/v1", '
        'api_key="sk-tunesmith-...")\n'
        'question = [{{"role": "user", "content": "Hello"}}]\n'
        'print(client.chat.completions.create(model="{}", messages=question).choices[0].message.content)'
    ).format(id, name)
    return Markup(
        '<details><summary>How to call it</summary><p class="ts-note">Keys are made on the {} page.</p>{}{}</details>'
    ).format(html.link("System", "/system"), _code(f"curl-{id}", curl), _code(f"python-{id}", python))


def _code(id: str, text: Markup) -> Markup:
    return Markup(
        '<div class="ts-copyable"><pre class="ts-code" id="{}" tabindex="0">{}</pre>'
        '<button type="button" class="ts-button" data-copy="{}">Copy</button></div>'
    ).format(id, text, id)


def _deploy_form(facts: Facts, deployable: Sequence[Run]) -> Markup:
    """Another run in place of this one, without a gap."""
    others = [run for run in deployable if [run.id] != facts.get("adapters")]
    if not others or facts.get("kind") == "external" or facts["status"] != "ready":
        return Markup()
    options = html.join(Markup('<option value="{}">{}</option>').format(run.id, run.name) for run in others)
    return Markup(
        "<details><summary>Deploy another run</summary>"
        '<p class="ts-note">It starts beside this one and takes over when it has answered. Nobody is cut off.</p>'
        '<form class="ts-inline" data-act="deploy" data-id="{}"><label><span class="ts-sr">Run</span>'
        '<select name="run" class="ts-input">{}</select></label>'
        '<button class="ts-button">Deploy</button></form></details>'
    ).format(facts["id"], options)


def _log(facts: Facts) -> Markup:
    if not facts.get("backend_id") or facts.get("kind") == "external":
        return Markup()
    text = process.tail(home.backend_folder(facts["backend_id"]) / "output.log", LOG_LINES)
    if not text:
        return Markup()
    return Markup('<details><summary>Log</summary><pre class="ts-code" tabindex="0">{}</pre></details>').format(text)
