"""What stands on the Chat page: the settings, the two conversations, and the message with its buttons."""

from typing import Any

import gradio as gr

from engine.chat import rows
from pages.chat import beside

CHATBOT_OPTIONS: dict[str, Any] = {
    "height": 460,
    "layout": "bubble",
    "feedback_options": None,
    "reasoning_tags": [("<think>", "</think>")],
}
KEEP_LABEL, COPY_BUTTONS = "Keep for training", ("copy", "copy_all")
PLACEHOLDER = "Ask something. Both sides get the same question, and the conversation is kept."


def two_sides() -> tuple[gr.Radio, gr.Chatbot, gr.Chatbot, list[gr.Button]]:
    """The choice between both where there is no room for them, the conversations, and their buttons to keep them."""
    side = gr.Radio(
        list(beside.SIDES), value=beside.SIDES[0], show_label=False, container=False, elem_id="chat-side",
        interactive=True,
    )  # fmt: skip
    keep_buttons = [gr.Button(KEEP_LABEL, render=False, elem_id=f"chat-keep-{name}") for name in ("tuned", "base")]
    with gr.Row(equal_height=True, elem_id="chat-sides"):
        tuned, base = (
            gr.Chatbot(
                label=label,
                placeholder=placeholder,
                elem_id=id,
                editable="user",
                buttons=[*COPY_BUTTONS, keep_button],
                **CHATBOT_OPTIONS,
            )
            for label, placeholder, id, keep_button in (
                ("Model", PLACEHOLDER, "chat-tuned", keep_buttons[0]),
                ("Beside it", "The model beside it answers here.", "chat-base", keep_buttons[1]),
            )
        )
    return side, tuned, base, keep_buttons


def composer() -> tuple[Any, ...]:
    """The attached files, the button that attaches some, the message, and Send, Stop, Answer again."""
    files = gr.File(file_count="multiple", visible=False, show_label=False, elem_id="chat-files")
    with gr.Row(elem_classes="ts-ask"):
        attached = gr.UploadButton("Attach", file_count="multiple", scale=0, min_width=84, elem_id="chat-attach")
        text = gr.Textbox(
            show_label=False, label="Message", placeholder="Message. Shift+Enter makes a new line.",
            lines=1, max_lines=8, scale=8, autofocus=True, submit_btn=False, elem_id="chat-text",
        )  # fmt: skip
        send = gr.Button("Send", variant="primary", scale=0, min_width=96, elem_id="chat-send")
        stop = gr.Button("Stop", scale=0, min_width=84, interactive=False, elem_id="chat-stop")
        again = gr.Button("Answer again", scale=0, min_width=124, elem_id="chat-again")
    return files, attached, text, send, stop, again


def settings() -> list[Any]:
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
