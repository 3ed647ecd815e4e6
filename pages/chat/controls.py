"""What stands on the Chat page: the two conversations, and the message with its buttons."""

from typing import Any

import gradio as gr

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
