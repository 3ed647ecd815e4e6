"""A question or an answer deleted from the open chat, and had back; both sides show the chat as it is then."""

from typing import Any

import gradio as gr

from engine.chat import deleting
from pages.chat import opinion_view
from pages.chat.sides import turns_of
from pages.parts import toasts, undo


def act(open_id: str, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
    """What a button under the answers does. What a person thinks of them changes nothing on the two sides."""
    if event.name not in ("delete", "undo"):
        opinion_view.act(event, request)
        return gr.skip(), gr.skip()
    with toasts.toast():
        if event.name == "delete":
            deleting.delete_message(open_id, int(event.id))
        else:
            undo.take_back(deleting.undo, event.id)
    return turns_of(open_id, "tuned"), turns_of(open_id, "base")
