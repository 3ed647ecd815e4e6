"""The two sides of a chat: a question stored, answered by both in the background, and followed while they write."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

import gradio as gr

from engine.chat import answering, asking, attached_files, chat, rows
from engine.chat.sampling import Sampling, seed_of, stops_of
from engine.errors import ConflictError, TunesmithError
from pages.chat import attaching, beside
from pages.parts import paced, toasts
from storage.tables import DEFAULT_PROJECT, Message

SIDES: tuple[chat.Side, chat.Side] = ("tuned", "base")
REDRAW_SECONDS = 0.08  # each redraw compares the whole conversation
Turns = list[dict[str, Any]]


How = tuple[str, Sampling]
"""The system prompt, and how answers are drawn."""


def ask(
    chat_id: str, text: str, files: Sequence[str] | None, model: str | None, other: str | None, *settings: Any
) -> tuple[Any, ...]:
    """Stores the question, shows it on both sides, and has them answer; `follow_tuned` and `follow_base` show it."""
    with toasts.toast():
        how, models = _how(*settings), beside.models(model, other)
        question = attached_files.question(text or "", attaching.named(files))
        asking.refuse(chat_id, models)
        chat_id = chat_id or chat.new_chat(DEFAULT_PROJECT).id
        asking.ask(chat_id, question, models, *how)
        return chat_id, "", gr.update(value=None, visible=False), *_begun(chat_id)
    return (gr.skip(),) * 7


def again(chat_id: str, model: str | None, other: str | None, *settings: Any) -> tuple[Any, ...]:
    """Has the last question answered once more, by the models and with the settings of now."""
    with toasts.toast():
        how = _how(*settings)
        asking.again(chat_id, beside.models(model, other), *how)
        return _begun(chat_id)
    return (gr.skip(),) * 4


def edit(
    event: gr.EditData, chat_id: str, shown: Turns, model: str | None, other: str | None, *settings: Any
) -> tuple[Any, ...]:
    """Asks a question of before in other words: the chat goes on from there, and a branch keeps what stood there."""
    with toasts.toast():
        how, number = _how(*settings), _question_number(chat_id, shown, event)
        asking.ask(chat_id, _words(event.value), beside.models(model, other), *how, instead_of=number)
        return _begun(chat_id)
    return turns_of(chat_id, "tuned"), turns_of(chat_id, "base"), *buttons_of(chat_id)


def _question_number(chat_id: str, shown: Turns, event: gr.EditData) -> int:
    """Which stored turn stands there. Reasoning is shown as turns of its own, so the questions are counted."""
    place = event.index if isinstance(event.index, int) else event.index[0]
    number = sum(turn["role"] == "user" for turn in shown[: place + 1])
    questions = [turn for turn in chat.messages(chat_id) if turn.side == "user"]
    if not 0 < number <= len(questions):
        raise ConflictError("The chat was changed in another window.", "Reload the page.")
    return questions[number - 1].id or 0


def _words(value: Any) -> str:
    """What was written into a bubble, as Gradio hands it over: text, or parts of it."""
    parts = value if isinstance(value, list) else [value]
    return "".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in parts)


def _how(system: str, temperature: float, max_tokens: float, top_p: float, *typed: str) -> How:
    """The fields of the settings, in their order. Raises RefusedError for a seed or a stop that is none."""
    seed, stops = typed
    chance = {"temperature": temperature, "top_p": top_p, "seed": seed_of(seed or "")}
    return system or "", Sampling(max_tokens=int(max_tokens), stop=stops_of(stops or ""), **chance)  # type: ignore[arg-type]


def _begun(chat_id: str) -> tuple[Any, ...]:
    """Both sides as they are shown, up to the question that is being answered."""
    return *(_asked(chat_id, side) for side in SIDES), *_buttons(True)


def _asked(chat_id: str, side: chat.Side) -> Turns:
    turns = turns_of(chat_id, side)
    while turns and turns[-1]["role"] == "assistant":  # a quick one has answered already
        turns.pop()
    return turns


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


def grown(pieces: Generator[str]) -> Iterator[str]:
    """The text so far, at most every REDRAW_SECONDS, and with the last words at the latest so long after they came."""
    text = ""
    with closing(paced.groups(pieces, REDRAW_SECONDS)) as groups:
        for group in groups:
            text += "".join(group)
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
