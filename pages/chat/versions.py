"""The branches of the open chat: what was kept when a question was changed, or answered again."""

from collections.abc import Mapping

from markupsafe import Markup

from engine.chat import branches
from engine.errors import NotFoundError
from pages.parts import html
from storage.tables import Chat

QUESTION_CHARACTERS = 60


def versions_html(query: Mapping[str, str]) -> str:
    """Links to each version of the chat; nothing while there is only one."""
    try:
        first, kept = branches.family(query.get("chat", ""))
    except NotFoundError:
        return ""
    if not kept:
        return ""
    open_id, count = query["chat"], len(kept)
    links = [_link("As it is now", first, open_id)]
    links += [_link(_label(question), branch, open_id, True) for branch, question in kept]
    opened = Markup(" open") if open_id != first.id else Markup()
    return str(
        Markup('<details class="ch-versions" data-key="versions"{}><summary>{}</summary><ul>{}</ul></details>').format(
            opened, f"{count} earlier version{'s' * (count != 1)} of this chat", html.join(links)
        )
    )


def _label(question: str) -> str:
    words = " ".join(question.split())
    return f"Up to “{words[:QUESTION_CHARACTERS]}”"


def _link(label: str, chat: Chat, open_id: str, with_time: bool = False) -> Markup:
    name = Markup("<b>{}</b>").format(label) if chat.id == open_id else html.link(label, f"/chat?chat={chat.id}")
    time = Markup(" <small>kept {}</small>").format(html.moment(chat.created_at)) if with_time else Markup()
    return Markup('<li data-key="{}">{}{}</li>').format(chat.id, name, time)
