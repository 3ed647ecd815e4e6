"""Exchanges: a list with a question and its answer in each item, `conversation: [{human, assistant}]`."""

from typing import Any

from engine.data import cells, messages, turns
from engine.data.verdict import Format, Rejection, Repairs, Row

ASKED, ANSWERED = ("human", "user"), ("assistant", "gpt")


def _is_exchange(item: Any) -> bool:
    return isinstance(item, dict) and cells.first(item, ASKED) is not None and cells.first(item, ANSWERED) is not None


def _fits(row: Row) -> bool:
    found = messages.turns_of(row)
    return isinstance(found, list) and bool(found) and _is_exchange(found[0])


def _read(row: Row, repairs: Repairs) -> dict[str, Any]:
    said = turns.beside(row, repairs)
    for item in messages.turns_of(row):
        if not _is_exchange(item):
            raise Rejection("not_a_turn", item)
        for role, keys in (("user", ASKED), ("assistant", ANSWERED)):
            said.append((role, turns.content(item.get(cells.first(item, keys)), repairs)))
    return turns.chat(said, repairs)


FORMAT = Format(
    name="exchanges",
    kind="chat",
    columns="`conversation` (or any name a chat may have): a list of items with `human` and `assistant`",
    example={"conversation": [{"human": "What is the capital of France?", "assistant": "Paris."}]},
    fits=_fits,
    read=_read,
)
