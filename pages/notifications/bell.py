"""The bell in the frame of every page: how many notifications are unread, and the newest of them.

What an open window does with them beyond that, a notification of the browser's, is in app/static/bell.js.
"""

import time
from collections.abc import Mapping
from functools import lru_cache

import gradio as gr
from markupsafe import Markup

from engine.notifications.announcing import default_state
from engine.notifications.kinds import BAD
from pages.parts import html
from pages.parts.icons import icon
from storage import db
from storage.outgoing import notices
from storage.tables import Notification

ROWS = 15
MOST_COUNTED = 99
KEPT_SECONDS = 30  # every tab asks every few seconds


def bell_html(query: Mapping[str, str]) -> str:
    """The counter, and the newest notifications behind it. Drawn anew when something has changed, or it got older."""
    is_owner = query.get("role") != "viewer"
    with db.reading() as session:
        signature = notices.signature(session)
        state = notices.state(session) or default_state()
    return _drawn(db.url(), signature, tuple(state.browser), is_owner, int(time.time() / KEPT_SECONDS))


@lru_cache(maxsize=8)
def _drawn(_database: str, signature: tuple[int, int, int], browser: tuple[str, ...], is_owner: bool, _now: int) -> str:
    unread = signature[2]
    with db.reading() as session:
        newest = notices.newest(session, ROWS)
    rows = html.join(_row(told, told.kind in browser, is_owner) for told in newest)
    listed = (
        Markup('<ol class="nt-list">{}</ol>').format(rows)
        if newest
        else Markup('<p class="nt-none">No notifications yet. They tell how your runs go.</p>')
    )
    return str(
        Markup(
            '<details class="nt-bell" data-menu><summary aria-label="{}" title="Notifications">{}{}</summary>'
            '<div class="ts-menu nt-menu"><header><b>Notifications</b>{}</header>{}<footer>{}</footer></div></details>'
        ).format(
            "Notifications: none unread" if not unread else f"Notifications: {unread} unread",
            icon("bell"),
            _counter(unread),
            html.button("Mark all as read", "read", "0") if unread and is_owner else "",
            listed,
            _foot() if is_owner else "",
        )
    )


def _counter(unread: int) -> Markup:
    if not unread:
        return Markup()
    return Markup('<b class="nt-count">{}</b>').format(unread if unread <= MOST_COUNTED else f"{MOST_COUNTED}+")


def _foot() -> Markup:
    return Markup(
        '<ts-notify data-keep id="ts-notify"></ts-notify><a class="ts-link" href="/system#notifications">'
        "Webhooks, mail and more</a>"
    )


def _row(told: Notification, in_browser: bool, is_owner: bool) -> Markup:
    title = html.link(told.title, f"/runs?run={told.run_id}") if told.run_id else Markup("<b>{}</b>").format(told.title)
    unread = told.read_at is None
    read = html.button("Mark as read", "read", str(told.id)) if unread and is_owner else ""
    return Markup(
        '<li data-key="note-{}" data-note="{}"{}{} data-tone="{}"><div>{}<p>{}</p></div><aside>{}{}</aside></li>'
    ).format(
        told.id,
        told.id,
        Markup(" data-unread") if unread else "",
        Markup(" data-browser") if in_browser and unread else "",
        "bad" if told.kind in BAD else "good",
        title,
        told.text,
        html.moment(told.at),
        read,
    )


def act(event: gr.EventData) -> None:
    """Marks one notification as read, or all."""
    number = int(event.id) if str(event.id).isdigit() else 0
    with db.session() as session:
        notices.mark_read(session, number or None)
