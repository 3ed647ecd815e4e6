"""System: what this machine does, what fills its disk, projects, keys of other programs, the hub's token, the log."""

from collections.abc import Callable, Mapping
from typing import get_args

import gradio as gr
from markupsafe import Markup

from engine.accounts import budgets, keys
from pages.notifications import section, sinks_view
from pages.parts import html, live, toasts
from pages.system import key_form, projects_view, token_view
from pages.system.disk_view import disk_html
from pages.system.log_view import log_html
from pages.system.machine_view import machine_html
from pages.system.use_view import use_html
from storage import db, usage
from storage import keys as stored_keys
from storage.tables import ApiKey

SLUG, TITLE, SUBTITLE = "system", "System", "This machine, what fills its disk, projects, keys and the log"
KEY, ICON = "y", "system"
GROUP = ""

SCOPES = [("Only /v1: chat and completions", "inference"), ("Everything: the whole REST API", "all")]


def page() -> None:
    """What is going on, live; below it projects, keys, the token of the hub, who is told what, and the log."""
    live.live("machine", machine_html)
    live.live("use", use_html, seconds=15)
    live.live("disk", disk_html, seconds=30)
    live.acting(live.live("projects", projects_view.projects_html, seconds=30, actions=True), act)
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
    live.acting(live.live("token", token_view.token_html, seconds=10, actions=True), act)
    section.section()
    live.live("log", log_html, seconds=5)


def create(
    name: str, scope: keys.Scope, models: str, requests: float | None, tokens: float | None, days: int
) -> tuple[object, object]:
    """A new key: its secret goes to the one who asked, and nowhere else."""
    with toasts.toast():
        _key, secret = keys.create_key(name, scope, key_form.limits(models, requests, tokens, days))
        return "", gr.update(value=secret, visible=True)
    return gr.skip(), gr.skip()


def act(event: gr.EventData) -> None:
    """What a button of a key, or of the token's form, does."""
    with toasts.toast():
        ACTS[event.name](event.id, event.values)


ACTS: dict[str, Callable[[str, Mapping[str, str]], object]] = {
    "revoke": lambda id, _: keys.revoke_key(id),
    "delete-project": projects_view.delete,
    "keep-token": token_view.keep,
    "forget-token": token_view.forget,
}


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


FRAGMENTS: dict[str, live.Fragment] = {
    "machine": machine_html,
    "use": use_html,
    "disk": disk_html,
    "projects": projects_view.projects_html,
    "keys": keys_html,
    "token": token_view.token_html,
    "sinks": sinks_view.sinks_html,
    "log": log_html,
}
