"""OpenAI chats: a list of turns with `role` and `content`; content may be a list of text parts."""

from typing import Any

from engine.data import cells, turns
from engine.data.verdict import Format, Rejection, Repairs, Row

COLUMNS = ("messages", "conversations", "conversation", "chat", "dialogue", "dialog", "turns")


def turns_of(row: Row) -> Any:
    """The chat in a row, whichever of the usual columns it is in; None when there is none."""
    column = cells.first(row, COLUMNS)
    return cells.opened(row[column]) if column else None


def _fits(row: Row) -> bool:
    found = turns_of(row)
    return isinstance(found, list) and (not found or (isinstance(found[0], dict) and "role" in found[0]))


def read(row: Row, repairs: Repairs) -> dict[str, Any]:
    """A chat from turns, each with its own way of writing: {role, content} or {from, value}."""
    return turns.chat(turns.beside(row, repairs) + [turn_of(turn, repairs) for turn in turns_of(row)], repairs)


def turn_of(turn: Any, repairs: Repairs) -> turns.Turn:
    """One turn as (role, text). Raises Rejection."""
    if not isinstance(turn, dict):
        raise Rejection("not_a_turn", turn)
    who_key, what_key = cells.first(turn, ("role", "from")), cells.first(turn, ("content", "value"))
    if who_key is None:
        raise Rejection("not_a_turn", turn)
    who = turns.role(turn[who_key])
    turns.check_flags(turn, who)
    said = turns.content(turn[what_key], repairs) if what_key else ""
    return who, _with_thoughts(turn.get("reasoning_content"), said, repairs)


def _with_thoughts(thoughts: Any, said: str, repairs: Repairs) -> str:
    thought = cells.text(thoughts, repairs, "reasoning_content")
    if not thought.strip():
        return said
    repairs.add("thoughts_in_answer")
    return f"<think>\n{thought}\n</think>\n\n{said}"


FORMAT = Format(
    name="messages",
    kind="chat",
    columns="`messages` (or `conversations`, `conversation`, `chat`, `dialogue`, `turns`): a list of turns with `role` "
    "and `content`; beside it, if you like, `system`",
    example={
        "messages": [
            {"role": "system", "content": "Answer in one word."},
            {"role": "user", "content": "What is the capital of France?"},
            {"role": "assistant", "content": [{"type": "text", "text": "Paris."}]},
        ]
    },
    fits=_fits,
    read=read,
)
