"""Chat: a tuned model and its base answer the same question, side by side."""

from collections.abc import Mapping
from typing import Any

import gradio as gr
from markupsafe import Markup

from pages.chat import attaching, beside, controls, opening, removing, settings, sides
from pages.chat.earlier import earlier_html
from pages.chat.opening import MOST_ASKED
from pages.chat.opinion_view import act as opinion_act
from pages.chat.opinion_view import answers_html, opinions_html
from pages.chat.versions import versions_html
from pages.parts import html, live, served

SLUG, TITLE, SUBTITLE, KEY, ICON = "chat", "Chat", "What a model says, and what another says beside it", "c", "chat"
GROUP = "Use"

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
        other = gr.Dropdown(
            beside.choices([]), value=beside.ITS_BASE, label="Beside it", allow_custom_value=True,
            interactive=False, elem_id="chat-beside",
        )  # fmt: skip
        new_chat = gr.Button("New chat", scale=0, min_width=110, elem_id="chat-new")
    chosen = settings.settings()
    live.live("versions", versions_html, seconds=20)
    questions = live.live("questions", questions_html, seconds=60, actions=True)
    side, tuned, base, keep_buttons = controls.two_sides()
    judged = live.live("answers", answers_html, seconds=10, actions=True)
    files, attached, text, send, stop_button, again = controls.composer()
    opinions = live.live("opinions", opinions_html, seconds=60, actions=True)
    earlier = live.live("earlier", earlier_html, seconds=20, actions=True)
    id = gr.Textbox(visible=False, elem_id="chat-id")

    following: dict[str, Any] = {
        "concurrency_limit": 8,
        "concurrency_id": "chat",
        "show_progress": "hidden",
        **live.PRIVATE,
    }
    buttons = [send, stop_button]
    named = [tuned, base, side, chosen.area, *chosen.switches]
    first = [id, model, other, *named, tuned, base, text, *buttons, *chosen.inputs(), *chosen.columns]
    opened = gr.on(None, opening.open_chat, None, first, **live.QUIET)
    gr.on([model.input, other.input], beside.shown, [model, other], named, **live.QUIET)
    for switch, column, own in zip(chosen.switches, chosen.columns, chosen.own, strict=True):
        switch.input(settings.switched, [switch, *chosen.shared], [column, *own], **live.QUIET)
    attached.upload(attaching.attach, [files, attached], files, **live.ACTING)
    files.change(attaching.shown, files, files, **live.QUIET)
    asked = gr.on(
        [text.submit, send.click],
        sides.ask,
        [id, text, files, model, other, *chosen.inputs()],
        [id, text, files, tuned, base, *buttons],
        **live.ACTING,
    )
    how, both = [model, other, *chosen.inputs()], [tuned, base, *buttons]
    asked_again = again.click(sides.again, [id, *how], both, **live.ACTING)
    edited = [shown.edit(sides.edit, [id, shown, *how], both, **live.ACTING) for shown in (tuned, base)]
    for event in (opened, asked):
        event.then(None, id, None, js=SHOW_IN_ADDRESS, **live.QUIET)
    answers = [
        event.then(follow, id, shown, **following)
        for event in (opened, asked, asked_again, *edited)
        for follow, shown in ((sides.follow_tuned, tuned), (sides.follow_base, base))
    ]
    for answer in answers:
        answer.then(sides.buttons_of, id, buttons, **live.QUIET).then(None, js=live.REFRESH, **live.QUIET)
    keep_buttons[0].click(sides.keep_tuned, [id, chosen.dataset_name], None, **live.ACTING)
    keep_buttons[1].click(sides.keep_base, [id, chosen.dataset_name], None, **live.ACTING)
    stop_button.click(sides.stop, id, [tuned, base, *buttons], **live.QUIET)
    # An answer of the chat that is left goes on there; only this page follows it no longer.
    emptied = new_chat.click(opening.begin, None, [id, tuned, base, *buttons], cancels=answers, **live.QUIET)
    emptied.then(None, id, None, js=SHOW_IN_ADDRESS, **live.QUIET).then(None, js=FOCUS_TEXT, **live.QUIET)
    questions.action(fill, None, text, **live.QUIET).then(None, js=FOCUS_TEXT, **live.QUIET)
    removed = judged.action(removing.act, id, [tuned, base], **live.ACTING)
    for changed in (removed, earlier.action(opening.act, id, [id, tuned, base, *buttons], **live.ACTING)):
        changed.then(None, js=live.REFRESH, **live.QUIET)
    live.acting(opinions, opinion_act)


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


FRAGMENTS: dict[str, live.Fragment] = {
    "served": served_html,
    "versions": versions_html,
    "questions": questions_html,
    "answers": answers_html,
    "opinions": opinions_html,
    "earlier": earlier_html,
}
