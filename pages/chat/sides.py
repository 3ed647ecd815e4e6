"""The two sides of a chat: a question stored, answered by both in the background, and followed while they write."""

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr

from engine.chat import answering, chat, rows
from engine.chat.answering import Question
from engine.chat.sampling import Sampling, seed_of, stops_of
from engine.errors import ConflictError, TunesmithError
from engine.serve import routing
from engine.serve.waking import waiting
from pages.parts import toasts
from storage.tables import DEFAULT_PROJECT, Message

REDRAW_SECONDS = 0.08  # each redraw compares the whole conversation
Turns = list[dict[str, Any]]


def base_of(model: str) -> str:
    return f"{model.split(':')[0]}:base"


def model_or_first(model: str | None) -> str:
    """What was chosen; before the page has chosen, the first that answers."""
    return model or next((str(served["id"]) for served in routing.served_models()), "")


def ask(chat_id: str, text: str, model: str | None, compare: bool, *settings: Any) -> tuple[Any, ...]:
    """Stores the question, shows it on both sides, and has them answer; `follow_tuned` and `follow_base` show it."""
    with toasts.toast():
        model, how = _ready(chat_id, model), _how(*settings)
        chat_id = chat_id or chat.new_chat(DEFAULT_PROJECT).id
        chat.ask(chat_id, text)
        return chat_id, "", *_begun(chat_id, model, compare, how)
    return (gr.skip(),) * 6


def again(chat_id: str, model: str | None, compare: bool, *settings: Any) -> tuple[Any, ...]:
    """Has the last question answered once more, by the model and with the settings of now."""
    with toasts.toast():
        model, how = _ready(chat_id, model), _how(*settings)
        chat.take_back(chat_id)
        return _begun(chat_id, model, compare, how)
    return (gr.skip(),) * 4


def _ready(chat_id: str, model: str | None) -> str:
    """The model that is to answer, which can. Raises what speaks against it."""
    model = model_or_first(model)
    if not model:
        raise TunesmithError("There is no model to ask.", "Serve a finished run first, then choose it above.")
    if answering.is_writing(chat_id):
        raise ConflictError("The last question is still being answered.", "Wait for the answer, or press Stop.")
    waiting.wait(model)
    routing.upstream(model)
    return model


How = tuple[str, Sampling]
"""The system prompt, and how answers are drawn."""


def _how(system: str, temperature: float, max_tokens: float, top_p: float, *typed: str) -> How:
    """The fields of the settings, in their order. Raises RefusedError for a seed or a stop that is none."""
    seed, stops = typed
    chance = {"temperature": temperature, "top_p": top_p, "seed": seed_of(seed or "")}
    return system or "", Sampling(max_tokens=int(max_tokens), stop=stops_of(stops or ""), **chance)  # type: ignore[arg-type]


def _begun(chat_id: str, model: str, compare: bool, how: How) -> tuple[Any, ...]:
    """Both sides as they are shown, each with an answer on its way."""
    shown = turns_of(chat_id, "tuned"), turns_of(chat_id, "base")
    answering.begin(Question(chat_id, "tuned", model, *how))
    if compare:
        answering.begin(Question(chat_id, "base", base_of(model), *how))
    return *shown, *_buttons(True)


def _buttons(is_answering: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Send and Stop as they can be pressed."""
    return gr.update(interactive=not is_answering), gr.update(interactive=is_answering)


def buttons_of(chat_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Send and Stop for the chat as it is."""
    return _buttons(answering.is_writing(chat_id))


def stop(chat_id: str) -> tuple[Any, ...]:
    """Ends both answers; what had come stays, marked as unfinished."""
    answering.stop(chat_id)
    return turns_of(chat_id, "tuned"), turns_of(chat_id, "base"), *_buttons(False)


def follow_tuned(chat_id: str) -> Iterator[Any]:
    """The left side's answer as it comes; also when the page is opened while one is being written."""
    yield from _followed(chat_id, "tuned")


def follow_base(chat_id: str) -> Iterator[Any]:
    """The right side's, when it is asked."""
    yield from _followed(chat_id, "base")


def _followed(chat_id: str, side: chat.Side) -> Iterator[Turns]:
    before, text = turns_of(chat_id, side), ""
    try:
        for text in grown(answering.follow(chat_id, side)):
            yield [*before, {"role": "assistant", "content": text}]
    except TunesmithError as error:
        yield [*before, {"role": "assistant", "content": f"{text}\n\n*{error}*"}]
        return
    yield turns_of(chat_id, side)  # as it was stored


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


def turns_of(chat_id: str, side: chat.Side) -> Turns:
    """One side's conversation as Gradio's Chatbot takes it."""
    return [_turn(message) for message in chat.messages(chat_id, side)]


def _turn(message: Message) -> dict[str, Any]:
    text = message.content if message.complete else f"{message.content} …"
    return {"role": "user" if message.side == "user" else "assistant", "content": text}
