"""The chats of a project that came before the open one."""

import re
from collections.abc import Mapping

from markupsafe import Markup

from engine.chat import chat
from pages.parts import html, undo
from pages.parts.icons import icon
from storage.tables import Chat

MOST_EARLIER = 8
_PAIR = re.compile(r"(?<!\w)(\*{1,3}|_{1,3}|`{1,3}|~~)(?=\S)(.+?)(?<=\S)\1(?!\w)")
_HEAD = re.compile(r"^(#{1,6}|>|[-*]) ")


def plain_title(title: str) -> str:
    """A title without the marks of Markdown."""
    return _PAIR.sub(r"\2", _PAIR.sub(r"\2", _HEAD.sub("", title)))


def earlier_html(query: Mapping[str, str]) -> str:
    """The last chats that have a question in them, each with the time of its last turn; the open one is not earlier."""
    words = query.get("find", "").strip()
    chats = [
        (earlier, at)
        for earlier, at in chat.recent_chats(query["project"], 2 * MOST_EARLIER, words)
        if earlier.title and earlier.id != query.get("chat")
    ][:MOST_EARLIER]
    back = undo.bar(Chat, query["project"], has_files=False)
    if not chats and not words:
        return str(back)
    links = html.join(
        Markup('<li data-key="{}">{} <small>{}</small>{}{}</li>').format(
            earlier.id,
            html.link(plain_title(earlier.title), f"/chat?chat={earlier.id}"),
            html.moment(at),
            _rename(earlier),
            _delete(earlier),
        )
        for earlier, at in chats
    )
    listed = Markup("<ul>{}</ul>").format(links) if chats else Markup('<p class="ts-note">No other chat has that.</p>')
    return str(
        back
        + Markup('<section class="ts-earlier"><h2 class="ts-section">Earlier chats</h2>{}{}</section>').format(
            _search(words), listed
        )
    )


def _search(words: str) -> Markup:
    return Markup(
        '<form class="ts-inline" role="search" data-query data-key="find"><input class="ts-input" type="search" '
        'name="find" value="{}" maxlength="120" aria-label="Search earlier chats" placeholder="Words in a chat">'
        '<button class="ts-button">Search</button></form>'
    ).format(words)


def _delete(earlier: Chat) -> Markup:
    question = f"Delete the chat {plain_title(earlier.title)} with its earlier versions? {undo.SAID}"
    return html.button("Delete", "delete", earlier.id, question, "danger")


def _rename(earlier: Chat) -> Markup:
    return Markup(
        '<details class="ts-rename"><summary aria-label="Rename {}" title="Rename">{}</summary>'
        '<form data-act="rename" data-id="{}"><input class="ts-input" name="title" value="{}" maxlength="120" required '
        'aria-label="Title"><button class="ts-button">Rename</button></form></details>'
    ).format(plain_title(earlier.title), icon("pencil"), earlier.id, earlier.title)
