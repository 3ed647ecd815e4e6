"""Who else is told: the places outside with how the last message went, the kinds, and the log of deliveries."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.notifications import settings
from pages.notifications import sink_form
from pages.parts import html
from storage import db
from storage.outgoing import outbox
from storage.outgoing.outbox import Entry

LOGGED = 10
_TONES = {"sent": "good", "failed": "bad", "waiting": "warn", "sending": "live"}


def sinks_html(query: Mapping[str, str]) -> str:
    """Everything that is set, live; nothing of it for visitors of a share link."""
    if query.get("role") == "viewer":
        return str(Markup('<p class="ts-note">Only the owner sees where messages go.</p>'))
    shown = settings.show()
    with db.reading() as session:
        entries = list(outbox.newest(session, LOGGED))
    return str(
        Markup('<div class="ts-stack nt-settings">{}{}{}{}</div>').format(
            _table(shown["sinks"]), sink_form.new(), sink_form.general(shown), _log(entries)
        )
    )


def _table(sinks: list[dict[str, Any]]) -> Markup:
    if not sinks:
        return Markup('<p class="ts-note">No destinations yet. The bell works without one.</p>')
    headers = ("Name", "To", "Events", html.Header("Last message", room=14), html.Header("Actions", "actions"))
    return html.table(headers, [_row(sink) for sink in sinks], "Destinations of messages")


def _row(sink: dict[str, Any]) -> html.Row:
    name = Markup('<div class="ts-name"><b>{}</b><small>{}</small></div>').format(
        sink["name"], sink_form.SERVICES[sink["service"]]
    )
    state = sink["state"]
    last = _badge("off")
    if sink["enabled"]:
        last = _badge(state["last"]) if state["last"] else Markup(html.DASH)
    said = Markup('<div class="nt-said">{}<small>{} {}</small></div>').format(
        last, state["outcome"], html.moment(state["at"]) if state["at"] else ""
    )
    to = Markup('<span class="nt-to">{}</span>').format(state["to"])
    return html.Row((name, to, sink_form.kinds(sink), said, _actions(sink)), id=sink["id"])


def _badge(state: str) -> Markup:
    return Markup('<span class="ts-badge" data-tone="{}"><i></i>{}</span>').format(_TONES.get(state, "calm"), state)


def _actions(sink: dict[str, Any]) -> Markup:
    switch = html.button("Turn off" if sink["enabled"] else "Turn on", "switch", sink["id"])
    question = f"Delete {sink['name']}? Messages that still wait for it are dropped."
    delete = html.button("Delete", "delete", sink["id"], question, "danger")
    return Markup('<div class="ts-actions">{}{}{}</div>').format(
        html.button("Test", "test", sink["id"]), switch, delete
    )


def _log(entries: list[Entry]) -> Markup:
    if not entries:
        return Markup()
    rows = [
        html.Row((html.moment(sent.begun_at), sink.name, told.title, _badge(sent.state), sent.outcome))
        for sent, told, sink in entries
    ]
    headers = (html.Header("Tried", room=10), "To", "What", "State", "Response")
    return Markup('<details class="ts-more"><summary>The last messages</summary>{}</details>').format(
        html.table(headers, rows, "The last messages")
    )
