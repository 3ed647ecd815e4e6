"""Exchanges: a list with a question and its answer in each item, `conversation: [{human, assistant}]`."""

from engine.rows.formats import messages
from engine.rows.kinds import chat
from engine.rows.turns import turns
from engine.rows.verdict import Format, Parts, Row


def _fits(row: Row, parts: Parts) -> bool:
    return turns.is_exchange(messages.first_turn(row, parts))


FORMAT = Format(
    name="exchanges",
    kind="chat",
    columns="`conversation` (or any name a chat may have): a list of items with `human` and `assistant`",
    example={"conversation": [{"human": "What is the capital of France?", "assistant": "Paris."}]},
    parts=messages.PARTS,
    needs=(("messages",),),
    read=chat.read,
    fits=_fits,
)
