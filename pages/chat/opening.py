"""A chat opened, begun or deleted: what the page shows then."""

from typing import Any

import gradio as gr

from engine.chat import chat, deleting
from engine.errors import NotFoundError
from engine.serve import routing
from pages.chat import beside, settings
from pages.chat.sides import Turns, buttons_of, turns_of
from pages.parts import toasts, undo
from pages.shell import project_of

MOST_ASKED = 1000  # characters of a question in the page's address


def open_chat(request: gr.Request) -> list[Any]:
    """What the page shows first: the chat and the endpoint its address names, or the newest of each."""
    query = request.query_params
    names = beside.served()
    chat_id = _existing_chat(query.get("chat", ""), project_of(request))
    turns = chat.messages(chat_id)
    last_model = next((message.model for message in reversed(turns) if message.side == "tuned"), "")
    requested = query.get("endpoint") or last_model
    chosen = requested if requested in names or query.get("endpoint") else next(iter(names), None)
    distinct = routing.distinct_models()
    choices = [name for name in distinct if not name.endswith(":base")] or names
    other = beside.last_beside(turns, query.get("beside"))
    return [
        chat_id,
        gr.update(choices=choices, value=chosen),
        gr.update(choices=beside.choices(distinct), value=other, interactive=True),
        *beside.shown(chosen, other),
        turns_of(chat_id, "tuned"),
        turns_of(chat_id, "base"),
        query["ask"][:MOST_ASKED] if query.get("ask") else gr.skip(),  # nothing is taken from who types already
        *buttons_of(chat_id),
        *settings.of_last(turns),
    ]


def _existing_chat(chat_id: str, project_id: str) -> str:
    try:
        return chat.look_up(chat_id).id
    except NotFoundError:
        return chat.latest_chat(project_id).id


def begin(request: gr.Request) -> tuple[Any, ...]:
    """A new, empty chat."""
    chat_id, nothing = chat.new_chat(project_of(request)).id, Turns()
    return chat_id, nothing, nothing, *buttons_of(chat_id)


def act(open_id: str, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
    """Renames, deletes or brings back an earlier chat; where the open one is deleted, a new one begins."""
    with toasts.toast():
        match event.name:
            case "rename":
                chat.rename_chat(event.id, event.values.get("title", ""))
            case "undo":
                undo.take_back(deleting.undo, event.id)
            case "delete":
                deleting.delete_chat(event.id)
                if not open_id or not _is_there(open_id):
                    return begin(request)
    return (gr.skip(),) * 5


def _is_there(chat_id: str) -> bool:
    try:
        return bool(chat.look_up(chat_id).id)
    except NotFoundError:
        return False
