"""Alpaca: an instruction, perhaps with an input to it, and the output; perhaps earlier exchanges and a system text."""

from engine.rows.kinds import chat, row_parts
from engine.rows.verdict import Format, Parts, Row

_PROMPTS = ("instruction", *(name for name in row_parts.PROMPTS if name != "instruction"))
_MARKS = ("input", "system", "history")  # one of them makes a chat of any pair of columns


def _fits(_row: Row, parts: Parts) -> bool:
    return parts["prompt"].lower() == "instruction" or any(part in parts for part in _MARKS)


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
    parts={
        "prompt": _PROMPTS,
        "input": row_parts.INPUTS,
        "completion": ("output", *row_parts.ANSWERS),
        **row_parts.BESIDE,
    },
    needs=(("prompt", "completion"),),
    read=chat.read,
    fits=_fits,
)
