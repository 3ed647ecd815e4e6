"""Chats: a list of turns, or a question and its answer with what belongs to them."""

from engine.data import cells, order, quick, toolbox, turns
from engine.data.kinds import asked
from engine.data.turns import Turn
from engine.data.verdict import Parts, Rejection, Repairs, Row, Values
from engine.data.words import USUAL, Words


def read(row: Row, parts: Parts, repairs: Repairs, words: Words = USUAL) -> Values:
    """A chat from the parts `messages`, or `prompt` and `completion`. Raises Rejection."""
    if "messages" not in parts:
        return _read_pair(row, parts, repairs, words)
    if len(parts) == 1:
        found = row[parts["messages"]]
        clean = quick.chat(found if isinstance(found, list) else cells.opened(found), words)
        if clean is not None:
            return {"messages": clean}
    said = order.chat(asked.before(row, parts, repairs, words), repairs)
    return toolbox.beside(row, parts, {"messages": said}, repairs)


def _read_pair(row: Row, parts: Parts, repairs: Repairs, words: Words) -> Values:
    pair = quick.pair(row, parts)
    if pair is not None and quick.is_plain(pair[0]) and quick.is_plain(pair[1]):
        return {"messages": [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]}
    listed = turns.opened(row[parts["prompt"]], words) is not None
    context = asked.before(row, parts, repairs, words)
    answer = _answer(row, parts, repairs, words)
    said = order.chat([*(_as_context(turn) if listed else turn for turn in context), *answer], repairs)
    return toolbox.beside(row, parts, {"messages": said}, repairs)


def _answer(row: Row, parts: Parts, repairs: Repairs, words: Words) -> list[Turn]:
    column = parts["completion"]
    value = row[column]
    if (found := turns.opened(value, words)) is not None:
        return turns.listed(found, repairs, words)
    said = cells.text(value, repairs, column)
    if not said.strip():
        raise Rejection("empty_answer", {column: said})
    return [{"role": "assistant", "content": said}]


def _as_context(turn: Turn) -> Turn:
    return {**turn, "train": False} if turn["role"] == "assistant" else turn
