"""What stands before an answer, in any kind: system text, earlier exchanges, and the question or the whole chat."""

from typing import Any

from engine.rows.turns import cells, transcript, turns
from engine.rows.turns.role_names import USUAL, Words
from engine.rows.turns.turns import Turn
from engine.rows.verdict import Parts, Rejection, Repairs, Row


def turns_before_answer(row: Row, parts: Parts, repairs: Repairs, words: Words = USUAL) -> list[Turn]:
    """System text and history, then the chat in `messages` or the question in `prompt`, as far as the row has them."""
    earlier = _system(row, parts, repairs) + _history(row, parts, repairs)
    if "messages" in parts:
        return earlier + turns.listed(row[parts["messages"]], repairs, words)
    return earlier + _question(row, parts, repairs, words) if "prompt" in parts else earlier


def side(value: Any, repairs: Repairs, words: Words = USUAL) -> list[Turn]:
    """An answer: a text, one turn, or a list of turns."""
    if (answer_turns := turns.opened(value, words)) is not None:
        return turns.listed(answer_turns, repairs, words)
    if isinstance(value, (list, dict)) and value:
        raise Rejection("not_a_turn", value)
    text = cells.text(value or "", repairs) if not isinstance(value, (int, float)) else cells.text(value, repairs)
    if not text.strip():
        raise Rejection("empty_answer", text)
    return transcript.turns(text) or [{"role": "assistant", "content": text}]


def text_question(row: Row, parts: Parts, repairs: Repairs) -> str:
    """The question as one text, with what it is about below it. Raises Rejection when there is neither."""
    column = parts["prompt"]
    texts = [cells.text(row[column], repairs, column)]
    if "input" in parts:
        texts.append(cells.text(row[parts["input"]], repairs, parts["input"]))
    question = "\n".join(text for text in texts if text.strip())
    if not question:
        raise Rejection("empty_question", {column: row[column]})
    return question


def _question(row: Row, parts: Parts, repairs: Repairs, words: Words) -> list[Turn]:
    value = row[parts["prompt"]]
    if (question_turns := turns.opened(value, words)) is not None:
        return turns.listed(question_turns, repairs, words)
    question = text_question(row, parts, repairs)
    return transcript.turns(question) or [{"role": "user", "content": question}]


def _system(row: Row, parts: Parts, repairs: Repairs) -> list[Turn]:
    column = parts.get("system")
    value = row[column] if column else None
    if isinstance(value, dict):  # one turn, as Gemini writes it
        return turns.listed([{**value, "role": "system"}], repairs)
    system_text = cells.text(value, repairs, column or "")
    return [{"role": "system", "content": system_text}] if system_text.strip() else []


def _history(row: Row, parts: Parts, repairs: Repairs) -> list[Turn]:
    """Earlier exchanges, `[[question, answer], ...]`, or turns."""
    value = cells.opened(row[parts["history"]]) if "history" in parts else None
    if not value:
        return []
    if (history_turns := turns.opened(value)) is not None:
        return turns.listed(history_turns, repairs)
    if not isinstance(value, list):
        raise Rejection("not_a_turn", {"history": value})
    history: list[Turn] = []
    for exchange in value:
        if not isinstance(exchange, (list, tuple)) or len(exchange) != 2:
            raise Rejection("not_a_turn", {"history": exchange})
        history.append({"role": "user", "content": cells.text(exchange[0], repairs, "history")})
        history.append({"role": "assistant", "content": cells.text(exchange[1], repairs, "history")})
    return history
