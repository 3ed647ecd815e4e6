"""Prompts alone as chats that end with a question: when most chats of a file do."""

from collections.abc import Sequence
from typing import Any

from engine.rows.formats import messages
from engine.rows.kinds import prompt, row_parts
from engine.rows.turns import cells
from engine.rows.turns.role_names import USUAL
from engine.rows.verdict import Format, Parts, Row


def _asks(row: Row, parts: Parts) -> bool:
    turns = cells.opened(row[parts["messages"]])
    last = turns[-1] if isinstance(turns, list) and turns else None
    role_key = cells.first(last, USUAL.who) if isinstance(last, dict) else None
    name = last[role_key] if role_key and last else None
    return isinstance(name, str) and USUAL.roles.get(name.lower()) == "user"


def _by_file(rows: Sequence[Any]) -> bool:
    chats = [(row, column) for row in rows if isinstance(row, dict) and (column := cells.first(row, row_parts.CHATS))]
    return sum(_asks(row, {"messages": column}) for row, column in chats) * 2 > len(rows)


FORMAT = Format(
    name="prompt_turns",
    kind="prompt",
    columns="`messages` (or any name a chat may have) that end with a user turn, in a file of which most rows do; "
    "other columns are kept for the rewards",
    example={"messages": [{"role": "user", "content": "What is 2 + 2?"}], "ground_truth": "4"},
    parts=messages.PARTS,
    needs=(("messages",),),
    read=prompt.read,
    fits=_asks,
    by_file=_by_file,
)
