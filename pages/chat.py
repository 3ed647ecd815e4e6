"""Chat: a tuned model and its base answer the same question, side by side."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import gradio as gr
from markupsafe import Markup

from engine.chat import chat, rows
from engine.errors import NotFoundError, TunesmithError
from engine.serve import routing
from engine.serve.waking import waiting
from pages.parts import html, live, served, toasts
from pages.shell import project_of
from storage.tables import DEFAULT_PROJECT, Message

SLUG, TITLE, SUBTITLE, KEY, ICON = "chat", "Chat", "What the tuned model says, and what its base says", "c", "chat"
GROUP = "Use"

REDRAW_SECONDS = 0.08  # each redraw compares the whole conversation
MOST_EARLIER = 8
MOST_ASKED = 1000  # characters of a question in the page's address
Turns = list[dict[str, Any]]

CHATBOT_OPTIONS: dict[str, Any] = {
    "height": 460,
    "layout": "bubble",
    "feedback_options": None,
    "reasoning_tags": [("<think>", "</think>")],
}
FOCUS_TEXT = "() => document.querySelector('#chat-text textarea')?.focus()"


def page() -> None:
    """Which model and how, the two conversations, and the question."""
    live.live("served", served_html, seconds=5)
    with gr.Row(elem_classes="ts-form-row"):
        model = gr.Dropdown([], label="Model", allow_custom_value=True, elem_id="chat-model")
        # Not to be changed before `open_chat` has set it: what was chosen would be lost.
        compare = gr.Checkbox(True, label="Its base beside it", elem_id="chat-compare", interactive=False)
        new_chat = gr.Button("New chat", scale=0, min_width=110, elem_id="chat-new")
    with gr.Accordion("Settings", open=False, elem_id="chat-settings"):
        system = gr.Textbox("", label="System prompt", lines=2, max_length=20_000, elem_id="chat-system")
        with gr.Row(elem_classes="ts-form-row"):
            temperature = gr.Slider(
                0,
                2,
                0,
                step=0.05,
                label="Temperature",
                info="0 always picks the most likely word.",
                elem_id="chat-heat",
            )
            max_tokens = gr.Slider(1, 4096, 256, step=1, label="Longest answer, in tokens", elem_id="chat-most")
        dataset_name = gr.Textbox(
            rows.NAME, label="Keep chats for training in the dataset", max_length=120, elem_id="chat-keep-in"
        )
    gr.Radio(SIDES, value=SIDES[0], show_label=False, container=False, interactive=True, elem_id="chat-side")
    keep_buttons = [gr.Button(KEEP_LABEL, render=False, elem_id=f"chat-keep-{side}") for side in ("tuned", "base")]
    questions = live.live("questions", questions_html, seconds=60, actions=True)
    with gr.Row(equal_height=True, elem_id="chat-sides"):
        tuned = gr.Chatbot(
            label="Tuned",
            placeholder=PLACEHOLDER,
            elem_id="chat-tuned",
            buttons=[*COPY_BUTTONS, keep_buttons[0]],
            **CHATBOT_OPTIONS,
        )
        base = gr.Chatbot(
            label="Base",
            placeholder="Its base answers here.",
            elem_id="chat-base",
            buttons=[*COPY_BUTTONS, keep_buttons[1]],
            **CHATBOT_OPTIONS,
        )
    with gr.Row(elem_classes="ts-ask"):
        text = gr.Textbox(
            show_label=False, label="Message", placeholder="Message. Shift+Enter makes a new line.",
            lines=1, max_lines=8, scale=8, autofocus=True, submit_btn=False, elem_id="chat-text",
        )  # fmt: skip
        send = gr.Button("Send", variant="primary", scale=0, min_width=96, elem_id="chat-send")
        stop = gr.Button("Stop", scale=0, min_width=84, elem_id="chat-stop")
    earlier = live.live("earlier", earlier_html, seconds=20, actions=True)
    id, question_id = gr.Textbox(visible=False, elem_id="chat-id"), gr.Textbox(visible=False)

    gr.on(None, open_chat, None, [id, model, compare, base, tuned, base, text], **live.QUIET)
    compare.input(lambda on: gr.update(visible=on), compare, base, **live.QUIET)
    asked = gr.on(
        [text.submit, send.click], ask, [id, text, model], [id, text, question_id, tuned, base], **live.ACTING
    )
    settings = [id, question_id, model, system, temperature, max_tokens]
    answering: dict[str, Any] = {
        "concurrency_limit": 8,
        "concurrency_id": "chat",
        "show_progress": "hidden",
        **live.PRIVATE,
    }
    answers = [
        asked.then(answer_tuned, settings, tuned, **answering),
        asked.then(answer_base, [*settings, compare], base, **answering),
    ]
    keep_buttons[0].click(keep_tuned, [id, dataset_name, system], None, **live.ACTING)
    keep_buttons[1].click(keep_base, [id, dataset_name, system], None, **live.ACTING)
    stop.click(None, None, None, cancels=answers, **live.PRIVATE)
    emptied = new_chat.click(begin, None, [id, tuned, base], cancels=answers, **live.QUIET)
    emptied.then(None, js=FOCUS_TEXT, **live.QUIET)
    questions.action(fill, None, text, **live.QUIET).then(None, js=FOCUS_TEXT, **live.QUIET)
    deleted = earlier.action(delete, id, [id, tuned, base], **live.ACTING)
    deleted.then(None, js=live.REFRESH, **live.QUIET)


SIDES = ("Tuned", "Base")  # where there is no room for both: the style sheet shows the one that is chosen
KEEP_LABEL, COPY_BUTTONS = "Keep for training", ("copy", "copy_all")
PLACEHOLDER = "Ask something. Both sides get the same question, and the conversation is kept."


def served_html(_query: Mapping[str, str]) -> str:
    """What to do when no model answers; nothing otherwise."""
    text = "Serve a finished run and it appears here, beside its base."
    return served.none_answers("It appears here when it answers.", text, "/runs", "Finished runs", "chat")


def questions_html(query: Mapping[str, str]) -> str:
    """The questions that the page's address brings along, each a button that writes it into the message."""
    questions = [query[name][:MOST_ASKED] for name in ("ask", "then") if query.get(name)]
    if len(questions) < 2:
        return ""  # a single one stands in the message already
    buttons = html.join(html.button(question, "ask", question) for question in questions)
    return str(Markup('<div class="ts-actions ts-questions"><small>Try</small>{}</div>').format(buttons))


def fill(event: gr.EventData) -> str:
    """Writes the question that was clicked into the message."""
    return str(event.id)


def earlier_html(query: Mapping[str, str]) -> str:
    """The last chats of the project that have a question in them."""
    chats = [earlier for earlier in chat.recent_chats(query["project"], 2 * MOST_EARLIER) if earlier.title][
        :MOST_EARLIER
    ]
    links = html.join(
        Markup("<li>{} <small>{}</small>{}</li>").format(
            html.link(earlier.title, f"/chat?chat={earlier.id}"),
            html.moment(earlier.created_at),
            html.button("Delete", "delete", earlier.id, f"Delete the chat {earlier.title}?", "danger"),
        )
        for earlier in chats
    )
    if not chats:
        return ""
    return str(
        Markup('<section class="ts-earlier"><h2 class="ts-section">Earlier chats</h2><ul>{}</ul></section>').format(
            links
        )
    )


def open_chat(request: gr.Request) -> list[Any]:
    """What the page shows first: the chat and the endpoint its address names, or the newest of each."""
    query = request.query_params
    names = [str(model["id"]) for model in routing.served_models()]
    chat_id = _existing_chat(query.get("chat", ""), project_of(request))
    last_model = next((message.model for message in reversed(chat.messages(chat_id)) if message.side == "tuned"), "")
    requested = query.get("endpoint") or last_model
    chosen = requested if requested in names or query.get("endpoint") else next(iter(names), None)
    compare = _base_of(chosen or "") in names
    choices = [name for name in names if not name.endswith(":base")] or names
    return [
        chat_id,
        gr.update(choices=choices, value=chosen),
        gr.update(value=compare, interactive=True),
        gr.update(visible=compare),
        turns_of(chat_id, "tuned"),
        turns_of(chat_id, "base"),
        query["ask"][:MOST_ASKED] if query.get("ask") else gr.skip(),  # nothing is taken from who types already
    ]


def _existing_chat(chat_id: str, project_id: str) -> str:
    try:
        return chat.look_up(chat_id).id
    except NotFoundError:
        return chat.latest_chat(project_id).id


def _base_of(model: str) -> str:
    return f"{model.split(':')[0]}:base"


def _model_or_first(model: str | None) -> str:
    """What was chosen; before the page has chosen, the first that answers."""
    return model or next((str(served["id"]) for served in routing.served_models()), "")


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
        model = _model_or_first(model)
        if not model:
            raise TunesmithError("There is no model to ask.", "Serve a finished run first, then choose it above.")
        waiting.wait(model)
        routing.upstream(model)
        chat_id = chat_id or chat.new_chat(DEFAULT_PROJECT).id
        question = chat.ask(chat_id, text)
        return chat_id, "", str(question.id), turns_of(chat_id, "tuned"), turns_of(chat_id, "base")
    return gr.skip(), gr.skip(), "", gr.skip(), gr.skip()


def answer_tuned(
    chat_id: str, question_id: str, model: str | None, system: str, temperature: float, max_tokens: float
) -> Iterator[Any]:
    """The left side's answer as it comes."""
    if question_id:
        yield from _answer(chat_id, "tuned", _model_or_first(model), (system or "", temperature, int(max_tokens)))


def answer_base(  # noqa: PLR0913  (one argument for each field of the form)
    chat_id: str, question_id: str, model: str | None, system: str, temperature: float, max_tokens: float, compare: bool
) -> Iterator[Any]:
    """The right side's, when it is shown and there is a base."""
    if question_id and compare:
        yield from _answer(
            chat_id, "base", _base_of(_model_or_first(model)), (system or "", temperature, int(max_tokens))
        )


def keep_tuned(chat_id: str, dataset_name: str, system: str) -> None:
    """Adds the tuned side's chat, up to its last answer, to the dataset of that name."""
    _keep(chat_id, "tuned", dataset_name, system)


def keep_base(chat_id: str, dataset_name: str, system: str) -> None:
    """The same for the base's side."""
    _keep(chat_id, "base", dataset_name, system)


def _keep(chat_id: str, side: chat.Side, dataset_name: str, system: str) -> None:
    with toasts.toast():
        dataset = rows.add_from_chat(chat_id, side, dataset_name or "", system or "")
        toasts.done(f"The chat is kept in the dataset {dataset.name}, version {dataset.version}.")


def _answer(chat_id: str, side: chat.Side, model: str, settings: tuple[str, float, int]) -> Iterator[Turns]:
    turns = [*turns_of(chat_id, side), {"role": "assistant", "content": ""}]
    try:
        with closing(chat.answer(chat_id, side, model, *settings)) as pieces:
            for text in grown(pieces):
                turns[-1] = {"role": "assistant", "content": text}
                yield turns
    except TunesmithError as error:
        turns[-1] = {"role": "assistant", "content": f"{turns[-1]['content']}\n\n*{error}*"}
        yield turns


def grown(pieces: Iterator[str]) -> Iterator[str]:
    """The text so far, at most every REDRAW_SECONDS, and once more at its end."""
    text, drawn_text, drawn_at = "", "", 0.0
    for piece in pieces:
        text += piece
        if time.monotonic() - drawn_at >= REDRAW_SECONDS:
            drawn_text, drawn_at = text, time.monotonic()
            yield text
    if text != drawn_text:
        yield text


def turns_of(chat_id: str, side: chat.Side) -> Turns:
    """One side's conversation as Gradio's Chatbot takes it."""
    return [_turn(message) for message in chat.messages(chat_id, side)]


def _turn(message: Message) -> dict[str, Any]:
    text = message.content if message.complete else f"{message.content} …"
    return {"role": "user" if message.side == "user" else "assistant", "content": text}


FRAGMENTS: dict[str, live.Fragment] = {"served": served_html, "questions": questions_html, "earlier": earlier_html}
