"""Calls of tools in an answer: `<tool_call>` with JSON, the way of Hermes, Qwen and the studio's own tool rows."""

import json
import re
from dataclasses import dataclass
from typing import Any

BEGIN, END = "<tool_call>", "</tool_call>"
_CALL = re.compile(rf"{BEGIN}(.*?){END}", re.DOTALL)


@dataclass(frozen=True)
class Call:
    """A function's name, and its arguments as JSON text."""

    name: str
    arguments: str


def found_calls(text: str) -> list[Call]:
    """The calls in a text, in order; what does not read as a call is not one."""
    return [call for inner in _CALL.findall(text) if (call := read_call(inner))]


def read_call(text: str) -> Call | None:
    """The call between the tags, or None: models write what they like."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    arguments = value.get("arguments", {})
    if not isinstance(arguments, dict):
        return None
    return Call(value["name"], json.dumps(arguments, ensure_ascii=False))


class CallFilter:
    """Splits an answer that comes in pieces into its words and its calls. A call is never shown as words."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most  # calls that are wanted; what comes after them is not told
        self._held = ""
        self.calls: list[Call] = []

    def add(self, piece: str) -> tuple[str, list[Call]]:
        """The words that may be shown now, and the calls that are complete."""
        self._held += piece
        words, calls = "", list[Call]()
        while (match := _CALL.search(self._held)) and not self._full(calls):
            before, self._held = self._held[: match.start()], self._held[match.end() :]
            call = read_call(match[1])
            words += before.rstrip() if call else before + match[0]
            calls += [call] if call else []
        self.calls += calls
        if self._full([]):
            self._held = ""
            return words, calls
        shown = self._shown_length()
        shown_words, self._held = self._held[:shown], self._held[shown:]
        return words + (shown_words.lstrip() if self.calls and not words else shown_words), calls

    def rest(self) -> str:
        """What was held back, once nothing more comes: a call that was not finished, or blanks before nothing."""
        held, self._held = self._held, ""
        return held if held.strip() or not self.calls else ""

    def _full(self, calls: list[Call]) -> bool:
        return self._most is not None and len(self.calls) + len(calls) >= self._most

    def _shown_length(self) -> int:
        """How much of what is held is surely words: nothing from a tag's beginning on, nor the blanks before one."""
        start = self._held.find(BEGIN)
        if start < 0:
            sizes = range(min(len(self._held), len(BEGIN) - 1), 0, -1)
            start = len(self._held) - next((size for size in sizes if BEGIN.startswith(self._held[-size:])), 0)
        return len(self._held[:start].rstrip())
