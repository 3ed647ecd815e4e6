"""What stands before an answer, in any kind: system text, earlier exchanges, and the question or the whole chat."""

from typing import Any

from engine.rows.turns import cells, transcript, turns
from engine.rows.turns.role_names import USUAL, Words
from engine.rows.turns.turns import Turn
from engine.rows.verdict import Parts, Rejection, Repairs, Row


def before(row: Row, parts: Parts, repairs: Repairs, words: Words = USUAL) -> list[Turn]:
    """System text and history, then the chat in `messages` or the question in `prompt`, as far as the row has them."""
    said = _system(row, parts, repairs) + _history(row, parts, repairs)
    if "messages" in parts:
        return said + turns.listed(row[parts["messages"]], repairs, words)
    return said + _question(row, parts, repairs, words) if "prompt" in parts else said


def side(value: Any, repairs: Repairs, words: Words = USUAL) -> list[Turn]:
    """An answer: a text, one turn, or a list of turns."""
    if (found := turns.opened(value, words)) is not None:
        return turns.listed(found, repairs, words)
    if isinstance(value, (list, dict)) and value:
        raise Rejection("not_a_turn", value)
    said = cells.text(value or "", repairs) if not isinstance(value, (int, float)) else cells.text(value, repairs)
    if not said.strip():
        raise Rejection("empty_answer", said)
    return transcript.turns(said) or [{"role": "assistant", "content": said}]


def text_question(row: Row, parts: Parts, repairs: Repairs) -> str:
    """The question as one text, with what it is about below it. Raises Rejection when there is neither."""
    column = parts["prompt"]
    said = [cells.text(row[column], repairs, column)]
    if "input" in parts:
        said.append(cells.text(row[parts["input"]], repairs, parts["input"]))
    asked = "\n".join(part for part in said if part.strip())
    if not asked:
        raise Rejection("empty_question", {column: row[column]})
    return asked


def _question(row: Row, parts: Parts, repairs: Repairs, words: Words) -> list[Turn]:
    value = row[parts["prompt"]]
    if (found := turns.opened(value, words)) is not None:
        return turns.listed(found, repairs, words)
    asked = text_question(row, parts, repairs)
    return transcript.turns(asked) or [{"role": "user", "content": asked}]


def _system(row: Row, parts: Parts, repairs: Repairs) -> list[Turn]:
    column = parts.get("system")
    said = cells.text(row[column], repairs, column) if column else ""
    return [{"role": "system", "content": said}] if said.strip() else []


def _history(row: Row, parts: Parts, repairs: Repairs) -> list[Turn]:
    """Earlier exchanges, `[[question, answer], ...]`, or turns."""
    earlier = cells.opened(row[parts["history"]]) if "history" in parts else None
    if not earlier:
        return []
    if (found := turns.opened(earlier)) is not None:
        return turns.listed(found, repairs)
    if not isinstance(earlier, list):
        raise Rejection("not_a_turn", {"history": earlier})
    said: list[Turn] = []
    for exchange in earlier:
        if not isinstance(exchange, (list, tuple)) or len(exchange) != 2:
            raise Rejection("not_a_turn", {"history": exchange})
        said.append({"role": "user", "content": cells.text(exchange[0], repairs, "history")})
        said.append({"role": "assistant", "content": cells.text(exchange[1], repairs, "history")})
    return said
