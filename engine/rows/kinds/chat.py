"""Chats: a list of turns, or a question and its answer with what belongs to them."""

from engine.rows.kinds import context
from engine.rows.turns import cells, clean_turns, ordering, tools, turns
from engine.rows.turns.role_names import USUAL, Words
from engine.rows.turns.turns import Turn
from engine.rows.verdict import Parts, Rejection, Repairs, Row, Values


def read(row: Row, parts: Parts, repairs: Repairs, words: Words = USUAL) -> Values:
    """A chat from the parts `messages`, or `prompt` and `completion`. Raises Rejection."""
    if "messages" not in parts:
        return _read_pair(row, parts, repairs, words)
    if len(parts) == 1:
        value = row[parts["messages"]]
        clean = clean_turns.chat(value if isinstance(value, list) else cells.opened(value), words)
        if clean is not None:
            return {"messages": clean}
    ordered = ordering.chat(context.turns_before_answer(row, parts, repairs, words), repairs)
    return tools.with_tools(row, parts, {"messages": ordered}, repairs)


def _read_pair(row: Row, parts: Parts, repairs: Repairs, words: Words) -> Values:
    pair = clean_turns.pair(row, parts)
    if pair is not None and clean_turns.is_plain(pair[0]) and clean_turns.is_plain(pair[1]):
        return {"messages": [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]}
    prompt_is_turns = turns.opened(row[parts["prompt"]], words) is not None
    context_turns = context.turns_before_answer(row, parts, repairs, words)
    answer = _answer(row, parts, repairs, words)
    ordered = ordering.chat(
        [*(_as_context(turn) if prompt_is_turns else turn for turn in context_turns), *answer], repairs
    )
    return tools.with_tools(row, parts, {"messages": ordered}, repairs)


def _answer(row: Row, parts: Parts, repairs: Repairs, words: Words) -> list[Turn]:
    column = parts["completion"]
    value = row[column]
    if (answer_turns := turns.opened(value, words)) is not None:
        return turns.listed(answer_turns, repairs, words)
    text = cells.text(value, repairs, column)
    if not text.strip():
        raise Rejection("empty_answer", {column: text})
    return [{"role": "assistant", "content": text}]


def _as_context(turn: Turn) -> Turn:
    return {**turn, "train": False} if turn["role"] == "assistant" else turn
