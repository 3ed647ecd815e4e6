"""The chats of a project that came before the open one."""

import re
from collections.abc import Mapping

from markupsafe import Markup

from engine.chat import chat
from pages.parts import html

MOST_EARLIER = 8
_PAIR = re.compile(r"(?<!\w)(\*{1,3}|_{1,3}|`{1,3}|~~)(?=\S)(.+?)(?<=\S)\1(?!\w)")
_HEAD = re.compile(r"^(#{1,6}|>|[-*]) ")


def plain_title(title: str) -> str:
    """A title without the marks of Markdown."""
    return _PAIR.sub(r"\2", _PAIR.sub(r"\2", _HEAD.sub("", title)))


def earlier_html(query: Mapping[str, str]) -> str:
    """The last chats that have a question in them, each with the time of its last turn; the open one is not earlier."""
    chats = [
        (earlier, at)
        for earlier, at in chat.recent_chats(query["project"], 2 * MOST_EARLIER)
        if earlier.title and earlier.id != query.get("chat")
    ][:MOST_EARLIER]
    if not chats:
        return ""
    links = html.join(
        Markup("<li>{} <small>{}</small>{}</li>").format(
            html.link(plain_title(earlier.title), f"/chat?chat={earlier.id}"),
            html.moment(at),
            html.button("Delete", "delete", earlier.id, f"Delete the chat {plain_title(earlier.title)}?", "danger"),
        )
        for earlier, at in chats
    )
    return str(
        Markup('<section class="ts-earlier"><h2 class="ts-section">Earlier chats</h2><ul>{}</ul></section>').format(
            links
        )
    )
