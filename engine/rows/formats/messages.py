"""OpenAI chats: a list of turns with `role` and `content`; content may be a list of parts, answers may call tools."""

from typing import Any

from engine.rows.kinds import chat, row_parts
from engine.rows.turns import cells
from engine.rows.verdict import Format, Parts, Row

PARTS = {"messages": row_parts.CHATS, "system": row_parts.BESIDE["system"], "tools": row_parts.BESIDE["tools"]}


def first_turn(row: Row, parts: Parts) -> Any:
    """The first turn of the chat in a row, {} when the chat is empty, None when it is no chat."""
    turns = row[parts["messages"]]
    if not isinstance(turns, list):
        turns = cells.opened(turns)
    if isinstance(turns, list):
        return turns[0] if turns else {}
    return None if turns else {}


def _fits(row: Row, parts: Parts) -> bool:
    turns = row[parts["messages"]]
    if type(turns) is list and turns and type(turns[0]) is dict and "role" in turns[0]:
        return True
    turn = first_turn(row, parts)
    return isinstance(turn, dict) and (not turn or "role" in turn or "speaker" in turn)


FORMAT = Format(
    name="messages",
    kind="chat",
    columns="`messages` (or `conversations`, `conversation`, `chat`, `dialogue`, `turns`, `contents`, `trajectory`): a "
    "list of turns with `role` and `content` (or `parts`); beside it, if you like, `system` and `tools`",
    example={
        "messages": [
            {"role": "system", "content": "Answer in one word."},
            {"role": "user", "content": "What is the capital of France?"},
            {"role": "assistant", "content": [{"type": "text", "text": "Paris."}]},
        ]
    },
    parts=PARTS,
    needs=(("messages",),),
    read=chat.read,
    fits=_fits,
)
