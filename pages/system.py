"""System: who computes on this machine, what the studio keeps, and the keys that other programs use."""

import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from typing import get_args

import gradio as gr
from markupsafe import Markup

from engine.accounts import budgets, keys
from engine.process import devices
from pages import key_form
from pages.notifications import section, sinks_view
from pages.parts import html, live, toasts
from storage import db, endpoints, home, runs, usage
from storage import keys as stored_keys
from storage.tables import ApiKey, Lease

SLUG, TITLE, SUBTITLE = "system", "System", "This machine, and the keys that other programs use"
KEY, ICON = "y", "system"
GROUP = ""

SCOPES = [("Only /v1: chat and completions", "inference"), ("Everything: the whole REST API", "all")]
VERSIONS = (
    "tunesmith",
    "torch",
    "transformers",
    "trl",
    "peft",
    "bitsandbytes",
    "datasets",
    "gradio",
    "huey",
    "sqlmodel",
)


def page() -> None:
    """What is going on, live; below it the keys, and who is told what happens."""
    live.live("machine", machine_html, seconds=5)
    with gr.Column(elem_id="keys", elem_classes="ts-panel"):
        gr.HTML(str(_keys_heading()), js_on_load=None, apply_default_css=False)
        with gr.Row(elem_classes="ts-form-row", equal_height=True):
            name = gr.Textbox(
                label="Name", placeholder="what will use it", max_lines=1, max_length=80, elem_id="key-name"
            )
            scope = gr.Radio(SCOPES, value=get_args(keys.Scope)[0], label="May use", elem_id="key-scope")
        with gr.Row(elem_classes="ts-form-row", equal_height=True):
            limits = key_form.fields()
            create_button = gr.Button("Create key", variant="primary", scale=0, min_width=120, elem_id="key-create")
        secret = gr.Textbox(
            label="Your new key. Copy it now: it is not shown again.",
            visible=False,
            interactive=False,
            buttons=["copy"],
            elem_id="key-secret",
        )
        live.acting(live.live("keys", keys_html, seconds=10, actions=True), act)
    fields = [name, scope, *limits]
    created = gr.on([create_button.click, name.submit], create, fields, [name, secret], **live.ACTING)
    created.then(None, js=live.REFRESH, **live.QUIET)
    section.section()


def create(
    name: str, scope: keys.Scope, models: str, requests: float | None, tokens: float | None, days: int
) -> tuple[object, object]:
    """A new key: its secret goes to the one who asked, and nowhere else."""
    with toasts.toast():
        _key, secret = keys.create_key(name, scope, key_form.limits(models, requests, tokens, days))
        return "", gr.update(value=secret, visible=True)
    return gr.skip(), gr.skip()


def act(event: gr.EventData) -> None:
    """What a click on a key's button does."""
    with toasts.toast():
        ACTS[event.name](event.id)


ACTS = {"revoke": keys.revoke_key}


def _keys_heading() -> Markup:
    origin = Markup('<code><ts-origin data-keep id="origin-keys"></ts-origin>/v1</code>')
    return Markup(
        '<h2 class="ts-section">API keys</h2>'
        '<p class="ts-note">Any OpenAI client works against this studio with a key. The base URL is {}.'
        " {} lists every call of the studio's own API.</p>"
    ).format(origin, html.link("/api/docs", "/api/docs"))


def keys_html(_query: Mapping[str, str]) -> str:
    """The keys in use. Only their names and dates: a secret is never shown twice."""
    with db.reading() as session:
        api_keys = stored_keys.recent(session)
        used = usage.tokens_by_key(session, budgets.today())
    if not api_keys:
        return str(Markup('<p class="ts-note">No keys yet.</p>'))
    numbers = ("Tokens today", "Created", "Last used", "Expires")
    headers = [*map(html.Header, ("Name", "May use", "Limits")), *(html.Header(title, "number") for title in numbers)]
    rows = [_key_row(key, used.get(key.id, 0)) for key in api_keys]
    return str(html.table((*headers, html.Header("Actions", "actions")), rows, "API keys"))


def _key_row(key: ApiKey, used_today: int) -> html.Row:
    revoke = html.button(
        "Revoke", "revoke", key.id, f"Revoke {key.name}? What uses it stops working at once.", "danger"
    )
    scope = "/v1 only" if key.scope == "inference" else "everything"
    moments = (html.moment(key.created_at), html.moment(key.last_used_at), key_form.expiry(key.expires_at))
    limits = key_form.limits_in_words(key)
    return html.Row((key.name, scope, limits, html.count(used_today), *moments, revoke), id=key.id)


def machine_html(_query: Mapping[str, str]) -> str:
    """The devices with who holds them, where the data lies, and the versions in use."""
    leases = devices.holders()
    device_items = html.join(
        _device(device, [lease for lease in leases if device in devices.parts(lease.device)])
        for device in devices.on_this_machine()
    )
    facts = html.facts(
        [("Data folder", str(home.home())), ("Database", db.url().split("://")[0]), ("Python", sys.version.split()[0])]
    )
    versions = html.facts((name, version) for name in VERSIONS if (version := _version(name)))
    return str(
        Markup('<div class="ts-stack">{}{}</div>').format(
            html.card("Devices", Markup('<ul class="ts-holders">{}</ul>').format(device_items)),
            html.card(
                "Studio",
                facts,
                Markup('<details class="ts-more"><summary>Versions</summary>{}</details>').format(versions),
            ),
        )
    )


def _device(device: str, leases: list[Lease]) -> Markup:
    training = any(lease.exclusive for lease in leases)
    state = html.badge("running" if training else "ready", "trains" if training else "free for a training")
    words = html.join(_holder(lease) for lease in leases) or Markup(
        "<span>Free. The next training starts at once.</span>"
    )
    return Markup("<li><b>{}</b>{}<div>{}</div></li>").format("CPU" if device == devices.CPU else device, state, words)


def _holder(lease: Lease) -> Markup:
    with db.reading() as session:
        if lease.holder_kind == "run":
            run = runs.get(session, lease.holder_id)
            holder = html.link(run.name if run else lease.holder_id, f"/runs?run={lease.holder_id}")
        elif lease.holder_kind == "work":
            doing = ("A measurement before a training", "/train") if lease.exclusive else ("A report", "/evaluate")
            return Markup("<span>{} since {}</span>").format(html.link(*doing), html.moment(lease.since))
        else:
            backend = endpoints.backend(session, lease.holder_id)
            endpoint = endpoints.get(session, backend.endpoint_id) if backend else None
            holder = html.link(endpoint.name if endpoint else lease.holder_id, "/serve")
    words = "trains" if lease.exclusive else "answers, sharing the device"
    return Markup("<span>{} {} since {}</span>").format(holder, words, html.moment(lease.since))


@lru_cache(maxsize=len(VERSIONS))  # what is imported stays, and a package's description is long
def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


FRAGMENTS: dict[str, live.Fragment] = {"machine": machine_html, "keys": keys_html, "sinks": sinks_view.sinks_html}
