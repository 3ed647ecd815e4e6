"""OpenAI's preferences: `input` holds the chat and its tools, and two answers stand beside it."""

from typing import Any

from engine.rows.kinds import preference
from engine.rows.turns import cells
from engine.rows.verdict import Format, Parts, Repairs, Row, Values

_CHAT = ("messages", "tools")


def _input(row: Row, parts: Parts) -> Any:
    return cells.opened(row[parts["prompt"]])


def _fits(row: Row, parts: Parts) -> bool:
    held = _input(row, parts)
    return isinstance(held, dict) and isinstance(held.get("messages"), list)


def _read(row: Row, parts: Parts, repairs: Repairs) -> Values:
    """The chat out of `input`; what else stands in there is kept beside the row. Raises Rejection."""
    held = _input(row, parts)
    flat = {name: held[name] for name in _CHAT if held.get(name)}
    answers = {part: row[parts[part]] for part in ("chosen", "rejected")}
    values = preference.read({**flat, **answers}, {name: name for name in (*flat, *answers)}, repairs)
    rest = {name: cells.plain(value) for name, value in held.items() if name not in _CHAT}
    return {**values, "extra": {**values.get("extra", {}), parts["prompt"]: rest}} if rest else values


FORMAT = Format(
    name="preference_openai",
    kind="preference",
    columns="`input`: an object with `messages` and, if you like, `tools`; `preferred_output` and "
    "`non_preferred_output`: lists of one answer each",
    example={
        "input": {"messages": [{"role": "user", "content": "2 + 2?"}]},
        "preferred_output": [{"role": "assistant", "content": "4"}],
        "non_preferred_output": [{"role": "assistant", "content": "5"}],
    },
    parts={"prompt": ("input",), "chosen": ("preferred_output",), "rejected": ("non_preferred_output",)},
    needs=(("prompt", "chosen", "rejected"),),
    read=_read,
    fits=_fits,
)
