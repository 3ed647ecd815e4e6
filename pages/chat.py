"""Chat: a tuned model and its base answer the same question, side by side."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import gradio as gr
from markupsafe import Markup

from engine.chat import chat
from engine.chat import rows as chat_rows
from engine.errors import NotFoundError, TunesmithError
from engine.serve import routing
from pages.parts import html, live, toasts
from pages.shell import project_of
from storage import db
from storage import endpoints as stored_endpoints
from storage.tables import DEFAULT_PROJECT, Message

SLUG, TITLE, SUBTITLE, KEY, ICON = "chat", "Chat", "What the tuned model says, and what its base says", "c", "chat"

REDRAW_SECONDS = 0.08  # each redraw compares the whole conversation
EARLIER = 8
Turns = list[dict[str, Any]]

LOOK: dict[str, Any] = {
    "height": 460,
    "layout": "bubble",
    "feedback_options": None,
    "reasoning_tags": [("<think>", "</think>")],
}
STAY = "() => document.querySelector('#chat-text textarea')?.focus()"


def page() -> None:
    """Which model and how, the two conversations, and the question."""
    live.live("served", served_html, seconds=5)
    with gr.Row(elem_classes="ts-form-row"):
        model = gr.Dropdown([], label="Model", allow_custom_value=True, elem_id="chat-model")
        beside = gr.Checkbox(True, label="Its base beside it", elem_id="chat-compare")
        new = gr.Button("New chat", scale=0, min_width=110, elem_id="chat-new")
    with gr.Accordion("Settings", open=False, elem_id="chat-settings"):
        system = gr.Textbox("", label="System prompt", lines=2, max_length=20_000, elem_id="chat-system")
        with gr.Row(elem_classes="ts-form-row"):
            heat = gr.Slider(
                0,
                2,
                0,
                step=0.05,
                label="Temperature",
                info="0 always picks the most likely word.",
                elem_id="chat-heat",
            )
            most = gr.Slider(1, 4096, 256, step=1, label="Longest answer, in tokens", elem_id="chat-most")
        to = gr.Textbox(
            chat_rows.NAME, label="Keep chats for training in the dataset", max_length=120, elem_id="chat-keep-in"
        )
    keeping = [gr.Button(KEEP, render=False, elem_id=f"chat-keep-{side}") for side in ("tuned", "base")]
    with gr.Row(equal_height=True, elem_id="chat-sides"):
        tuned = gr.Chatbot(label="Tuned", placeholder=HOW, elem_id="chat-tuned", buttons=[*COPY, keeping[0]], **LOOK)
        base = gr.Chatbot(
            label="Base", placeholder="Its base answers here.", elem_id="chat-base", buttons=[*COPY, keeping[1]], **LOOK
        )
    with gr.Row(elem_classes="ts-ask"):
        text = gr.Textbox(
            show_label=False, label="Message", placeholder="Message. Enter sends, Shift+Enter makes a new line.",
            lines=1, max_lines=8, scale=8, autofocus=True, submit_btn=False, elem_id="chat-text",
        )  # fmt: skip
        send = gr.Button("Send", variant="primary", scale=0, min_width=96, elem_id="chat-send")
        stop = gr.Button("Stop", scale=0, min_width=84, elem_id="chat-stop")
    earlier = live.live("earlier", earlier_html, seconds=20, actions=True)
    id, asked = gr.Textbox(visible=False, elem_id="chat-id"), gr.Textbox(visible=False)

    gr.on(None, open_chat, None, [id, model, beside, base, tuned, base, text], **live.QUIET)
    beside.input(lambda on: gr.update(visible=on), beside, base, **live.QUIET)
    put = gr.on([text.submit, send.click], ask, [id, text, model], [id, text, asked, tuned, base], **live.ACTING)
    settings = [id, asked, model, system, heat, most]
    together: dict[str, Any] = {
        "concurrency_limit": 8,
        "concurrency_id": "chat",
        "show_progress": "hidden",
        **live.PRIVATE,
    }
    answers = [
        put.then(answer_tuned, settings, tuned, **together),
        put.then(answer_base, [*settings, beside], base, **together),
    ]
    keeping[0].click(keep_tuned, [id, to, system], None, **live.ACTING)
    keeping[1].click(keep_base, [id, to, system], None, **live.ACTING)
    stop.click(None, None, None, cancels=answers, **live.PRIVATE)
    begun = new.click(begin, None, [id, tuned, base], cancels=answers, **live.QUIET)
    begun.then(None, js=STAY, **live.QUIET)
    deleted = earlier.action(delete, id, [id, tuned, base], **live.ACTING)
    deleted.then(None, js=live.REFRESH, **live.QUIET)


KEEP, COPY = "Keep for training", ("copy", "copy_all")
HOW = "Ask something. Both sides get the same question, and the conversation is kept."


def served_html(_query: Mapping[str, str]) -> str:
    """What to do when no model answers; nothing otherwise."""
    if routing.served_models():
        return ""
    with db.reading() as session:
        coming = [one for one in stored_endpoints.moving(session) if one.status in ("queued", "starting")]
    if coming:
        return str(html.notice("A model is starting.", "It appears here when it answers.", "calm"))
    text = "Serve a finished run and it appears here, beside its base."
    return str(html.empty("No model answers yet", text, "/runs", "Finished runs", "chat"))


def earlier_html(query: Mapping[str, str]) -> str:
    """The last chats of the project that have a question in them."""
    found = [one for one in chat.recent_chats(query["project"], 2 * EARLIER) if one.title][:EARLIER]
    links = html.join(
        Markup("<li>{} <small>{}</small>{}</li>").format(
            html.link(one.title, f"/chat?chat={one.id}"),
            html.moment(one.created_at),
            html.button("Delete", "delete", one.id, f"Delete the chat {one.title}?", "danger"),
        )
        for one in found
    )
    if not found:
        return ""
    return str(
        Markup('<section class="ts-earlier"><h2 class="ts-section">Earlier chats</h2><ul>{}</ul></section>').format(
            links
        )
    )


def open_chat(request: gr.Request) -> list[Any]:
    """What the page shows first: the chat and the endpoint its address names, or the newest of each."""
    query = request.query_params
    names = [str(one["id"]) for one in routing.served_models()]
    found = _chat_of(query.get("chat", ""), project_of(request))
    last = next((one.model for one in reversed(chat.messages(found)) if one.side == "tuned"), "")
    wanted = query.get("endpoint") or last
    chosen = wanted if wanted in names or query.get("endpoint") else next(iter(names), None)
    beside = _base_of(chosen or "") in names
    choices = [name for name in names if not name.endswith(":base")] or names
    return [
        found,
        gr.update(choices=choices, value=chosen),
        gr.update(value=beside, interactive=True),
        gr.update(visible=beside),
        turns_of(found, "tuned"),
        turns_of(found, "base"),
        query["ask"][:1000] if query.get("ask") else gr.skip(),  # nothing is taken from who types already
    ]


def _chat_of(chat_id: str, project_id: str) -> str:
    try:
        return chat.look_up(chat_id).id
    except NotFoundError:
        return chat.latest_chat(project_id).id


def _base_of(model: str) -> str:
    return f"{model.split(':')[0]}:base"


def _chosen(model: str | None) -> str:
    """What was chosen; before the page has chosen, the first that answers."""
    return model or next((str(one["id"]) for one in routing.served_models()), "")


def begin(request: gr.Request) -> tuple[str, Turns, Turns]:
    """A new, empty chat."""
    return chat.new_chat(project_of(request)).id, [], []


def delete(open_id: str, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
    """Deletes an earlier chat; where it is the open one, a new one begins."""
    with toasts.toast():
        chat.delete_chat(event.id)
        toasts.done("The chat is deleted.")
        if event.id == open_id:
            return begin(request)
    return gr.skip(), gr.skip(), gr.skip()


def ask(chat_id: str, text: str, model: str | None) -> tuple[Any, ...]:
    """Stores the question and shows it on both sides; hands on its id, or "" when there is nothing to answer."""
    with toasts.toast():
        model = _chosen(model)
        if not model:
            raise TunesmithError("There is no model to ask.", "Serve a finished run first, then choose it above.")
        routing.upstream(model)
        chat_id = chat_id or chat.new_chat(DEFAULT_PROJECT).id
        question = chat.ask(chat_id, text)
        return chat_id, "", str(question.id), turns_of(chat_id, "tuned"), turns_of(chat_id, "base")
    return gr.skip(), gr.skip(), "", gr.skip(), gr.skip()


def answer_tuned(chat_id: str, asked: str, model: str | None, system: str, heat: float, most: float) -> Iterator[Any]:
    """The left side's answer as it comes."""
    if asked:
        yield from _answer(chat_id, "tuned", _chosen(model), (system or "", heat, int(most)))


def answer_base(  # noqa: PLR0913  (one argument for each field of the form)
    chat_id: str, asked: str, model: str | None, system: str, heat: float, most: float, beside: bool
) -> Iterator[Any]:
    """The right side's, when it is shown and there is a base."""
    if asked and beside:
        yield from _answer(chat_id, "base", _base_of(_chosen(model)), (system or "", heat, int(most)))


def keep_tuned(chat_id: str, to: str, system: str) -> None:
    """Adds the tuned side's chat, up to its last answer, to the dataset of that name."""
    _keep(chat_id, "tuned", to, system)


def keep_base(chat_id: str, to: str, system: str) -> None:
    """The same for the base's side."""
    _keep(chat_id, "base", to, system)


def _keep(chat_id: str, side: chat.Side, to: str, system: str) -> None:
    with toasts.toast():
        kept = chat_rows.add_from_chat(chat_id, side, to or "", system or "")
        toasts.done(f"The chat is kept in the dataset {kept.name}, version {kept.version}.")


def _answer(chat_id: str, side: chat.Side, model: str, how: tuple[str, float, int]) -> Iterator[Turns]:
    turns = [*turns_of(chat_id, side), {"role": "assistant", "content": ""}]
    try:
        with closing(chat.answer(chat_id, side, model, *how)) as pieces:
            for text in grown(pieces):
                turns[-1] = {"role": "assistant", "content": text}
                yield turns
    except TunesmithError as error:
        turns[-1] = {"role": "assistant", "content": f"{turns[-1]['content']}\n\n*{error}*"}
        yield turns


def grown(pieces: Iterator[str]) -> Iterator[str]:
    """The text so far, at most every REDRAW_SECONDS, and once more at its end."""
    text, shown, drawn = "", "", 0.0
    for piece in pieces:
        text += piece
        if time.monotonic() - drawn >= REDRAW_SECONDS:
            shown, drawn = text, time.monotonic()
            yield text
    if text != shown:
        yield text


def turns_of(chat_id: str, side: chat.Side) -> Turns:
    """One side's conversation as Gradio's Chatbot takes it."""
    return [_turn(message) for message in chat.messages(chat_id, side)]


def _turn(message: Message) -> dict[str, Any]:
    text = message.content if message.complete else f"{message.content} …"
    return {"role": "user" if message.side == "user" else "assistant", "content": text}


FRAGMENTS: dict[str, live.Fragment] = {"served": served_html, "earlier": earlier_html}
