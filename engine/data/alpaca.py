"""Alpaca: an instruction, perhaps with an input to it, and the output; perhaps earlier exchanges and a system text."""

from typing import Any

from engine.data import cells, pairs, turns
from engine.data.verdict import Format, Rejection, Repairs, Row

INPUTS = ("input", "context")
EXTRAS = ("history", "system", "system_prompt")


def _fits(row: Row) -> bool:
    if cells.first(row, pairs.COMPLETIONS) is None:
        return False
    return "instruction" in row or (pairs.columns_of(row) is not None and cells.first(row, EXTRAS) is not None)


def _read(row: Row, repairs: Repairs) -> dict[str, Any]:
    asked, answered = _question(row, repairs), _answer(row, repairs)
    said = turns.beside(row, repairs) + _history(row.get("history"), repairs)
    return turns.chat([*said, ("user", asked), ("assistant", answered)], repairs)


def _question(row: Row, repairs: Repairs) -> str:
    column = "instruction" if "instruction" in row else cells.first(row, pairs.PROMPTS)
    asked = cells.text(row[column], repairs, column) if column else ""
    extra = cells.first(row, INPUTS)
    if extra and extra != column:
        more = cells.text(row[extra], repairs, extra)
        asked = "\n".join(part for part in (asked, more) if part.strip())
    if not asked.strip():
        raise Rejection("empty_question", {column: asked})
    return asked


def _answer(row: Row, repairs: Repairs) -> str:
    column = cells.first(row, pairs.COMPLETIONS)
    answered = cells.text(row[column], repairs, column) if column else ""
    if not answered.strip():
        raise Rejection("empty_answer", {column: answered})
    return answered


def _history(history: Any, repairs: Repairs) -> list[turns.Turn]:
    """Earlier exchanges, `[[question, answer], ...]`."""
    earlier = cells.opened(history)
    if earlier in (None, ""):
        return []
    if not isinstance(earlier, list):
        raise Rejection("not_a_turn", {"history": earlier})
    said: list[turns.Turn] = []
    for exchange in earlier:
        if not isinstance(exchange, (list, tuple)) or len(exchange) != 2:
            raise Rejection("not_a_turn", {"history": exchange})
        said.append(("user", cells.text(exchange[0], repairs, "history")))
        said.append(("assistant", cells.text(exchange[1], repairs, "history")))
    return said


FORMAT = Format(
    name="alpaca",
    kind="chat",
    columns="`instruction` and `output` (or `response`, `answer`); if you like `input` (or `context`), `system`, and "
    "`history` as a list of [question, answer]",
    example={
        "instruction": "Translate to French.",
        "input": "Good morning",
        "output": "Bonjour",
        "system": "You translate.",
        "history": [["Translate to French: Thanks", "Merci"]],
    },
    fits=_fits,
    read=_read,
)
