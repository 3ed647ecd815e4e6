"""A chat taken away: as Markdown to read, as JSON for programs."""

import time
from typing import Any, Literal

import orjson

from engine.chat import chat
from engine.chat.exchanges import Exchange, exchanges
from engine.chat.sampling import in_words
from engine.chat.speed import tokens_a_second
from storage.tables import Message

Format = Literal["markdown", "json"]
SUFFIXES: dict[Format, str] = {"markdown": "md", "json": "json"}
_VOTES = {"tie": "Both are as good.", "": ""}
_RATINGS = {1: "Rated good.", -1: "Rated bad.", 0: ""}


def as_json(chat_id: str) -> dict[str, Any]:
    """Title, time, and the turns in their order. Raises NotFoundError."""
    opened = chat.look_up(chat_id)
    turns = [_facts(turn) for turn in chat.messages(chat_id)]
    return {"id": opened.id, "title": opened.title, "created_at": opened.created_at, "messages": turns}


def json_text(chat_id: str) -> bytes:
    """The same as a text."""
    return orjson.dumps(as_json(chat_id), option=orjson.OPT_INDENT_2)


def as_markdown(chat_id: str) -> str:
    """The questions with the answers of both sides under the models' names. Raises NotFoundError."""
    opened = chat.look_up(chat_id)
    at = time.strftime("%Y-%m-%d %H:%M", time.gmtime(opened.created_at))
    said = [part for exchange in exchanges(chat.messages(chat_id)) for part in _exchange(exchange)]
    return "\n\n".join([f"# {' '.join(opened.title.split()) or 'Chat'}", f"{at} UTC", *said]) + "\n"


def _exchange(exchange: Exchange) -> list[str]:
    answers = exchange.answers()
    parts = ["## You", exchange.question.content]
    for answer in answers:
        ended = "" if answer.complete else " …"
        notes = [note for note in (_speed(answer), _drawn(answer), _RATINGS[answer.rating]) if note]
        parts += [f"## {answer.model or answer.side}", f"{answer.content}{ended}"]
        parts += [f"*{' '.join(notes)}*"] if notes else []
    better = exchange.question.better
    chosen = exchange.answer(better)
    verdict = f"{chosen.model} was found better." if chosen else _VOTES.get(better, "")
    return [*parts, f"*{verdict}*"] if verdict else parts


def _speed(answer: Message) -> str:
    speed = tokens_a_second(answer)
    rate = f", {speed:.1f} a second" if speed else ""
    return f"{answer.tokens} tokens{rate}." if answer.tokens else ""


def _drawn(answer: Message) -> str:
    return f"{in_words(answer.sampling)}." if answer.sampling else ""


def _facts(turn: Message) -> dict[str, Any]:
    return turn.model_dump(exclude={"chat_id"})
