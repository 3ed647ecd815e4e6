"""Chat: a tuned model and its base answer the same question, side by side."""

from collections.abc import Mapping
from typing import Any

import gradio as gr
from markupsafe import Markup

from engine.chat import rows
from pages.chat import opening, sides
from pages.chat.earlier import earlier_html
from pages.chat.opening import MOST_ASKED
from pages.parts import html, live, served

SLUG, TITLE, SUBTITLE, KEY, ICON = "chat", "Chat", "What the tuned model says, and what its base says", "c", "chat"
GROUP = "Use"

CHATBOT_OPTIONS: dict[str, Any] = {
    "height": 460,
    "layout": "bubble",
    "feedback_options": None,
    "reasoning_tags": [("<think>", "</think>")],
}
# The address names the open chat: a reload opens it again, and it is not listed among the earlier ones.
SHOW_IN_ADDRESS = """(id) => {
  const query = new URLSearchParams(location.search);
  if (!id || !window.tunesmith || query.get('chat') === id) return;
  query.set('chat', id);
  tunesmith.go(`${location.pathname}?${query}`, true);
}"""
FOCUS_TEXT = "() => document.querySelector('#chat-text textarea')?.focus()"


def page() -> None:
    """Which model and how, the two conversations, and the question."""
    live.live("served", served_html, seconds=5)
    with gr.Row(elem_classes="ts-form-row"):
        model = gr.Dropdown([], label="Model", allow_custom_value=True, elem_id="chat-model")
        # Not to be changed before `open_chat` has set it: what was chosen would be lost.
        compare = gr.Checkbox(True, label="Its base beside it", elem_id="chat-compare", interactive=False)
        new_chat = gr.Button("New chat", scale=0, min_width=110, elem_id="chat-new")
    *settings, dataset_name = _settings()
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
        stop_button = gr.Button("Stop", scale=0, min_width=84, interactive=False, elem_id="chat-stop")
        again = gr.Button("Answer again", scale=0, min_width=124, elem_id="chat-again")
    earlier = live.live("earlier", earlier_html, seconds=20, actions=True)
    id = gr.Textbox(visible=False, elem_id="chat-id")

    following: dict[str, Any] = {
        "concurrency_limit": 8,
        "concurrency_id": "chat",
        "show_progress": "hidden",
        **live.PRIVATE,
    }
    buttons = [send, stop_button]
    opened = gr.on(None, opening.open_chat, None, [id, model, compare, base, tuned, base, text, *buttons], **live.QUIET)
    opened.then(None, id, None, js=SHOW_IN_ADDRESS, **live.QUIET)
    compare.input(lambda on: gr.update(visible=on), compare, base, **live.QUIET)
    asked = gr.on(
        [text.submit, send.click],
        sides.ask,
        [id, text, model, compare, *settings],
        [id, text, tuned, base, *buttons],
        **live.ACTING,
    )
    asked_again = again.click(sides.again, [id, model, compare, *settings], [tuned, base, *buttons], **live.ACTING)
    asked.then(None, id, None, js=SHOW_IN_ADDRESS, **live.QUIET)
    answers = [
        event.then(follow, id, shown, **following)
        for event in (opened, asked, asked_again)
        for follow, shown in ((sides.follow_tuned, tuned), (sides.follow_base, base))
    ]
    for answer in answers:
        answer.then(sides.buttons_of, id, buttons, **live.QUIET)
    keep_buttons[0].click(sides.keep_tuned, [id, dataset_name, settings[0]], None, **live.ACTING)
    keep_buttons[1].click(sides.keep_base, [id, dataset_name, settings[0]], None, **live.ACTING)
    stop_button.click(sides.stop, id, [tuned, base, *buttons], **live.QUIET)
    # An answer of the chat that is left goes on there; only this page follows it no longer.
    emptied = new_chat.click(opening.begin, None, [id, tuned, base, *buttons], cancels=answers, **live.QUIET)
    emptied.then(None, id, None, js=SHOW_IN_ADDRESS, **live.QUIET).then(None, js=FOCUS_TEXT, **live.QUIET)
    questions.action(fill, None, text, **live.QUIET).then(None, js=FOCUS_TEXT, **live.QUIET)
    changed = earlier.action(opening.act, id, [id, tuned, base, *buttons], **live.ACTING)
    changed.then(None, js=live.REFRESH, **live.QUIET)


def _settings() -> list[Any]:
    """System prompt, how answers are drawn, and at last where chats are kept for training; folded."""
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
        with gr.Row(elem_classes="ts-form-row"):
            top_p = gr.Slider(
                0.05,
                1,
                1,
                step=0.05,
                label="Top-p",
                info="Less than 1 leaves unlikely words out.",
                elem_id="chat-top-p",
            )
            seed = gr.Textbox(
                "", label="Seed", info="The same seed gives the same answer.", max_length=20, elem_id="chat-seed"
            )
            stops = gr.Textbox(
                "", label="Stop at", info="Texts that end an answer, one a line, four at most.", lines=1, max_lines=4,
                max_length=1000, elem_id="chat-stops",
            )  # fmt: skip
        dataset_name = gr.Textbox(
            rows.NAME, label="Keep chats for training in the dataset", max_length=120, elem_id="chat-keep-in"
        )
    return [system, temperature, max_tokens, top_p, seed, stops, dataset_name]


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


FRAGMENTS: dict[str, live.Fragment] = {"served": served_html, "questions": questions_html, "earlier": earlier_html}
