"""The content of a turn that is written as a list of parts: OpenAI's, Anthropic's blocks, and those of LLaMA-Factory.

Texts are joined by a line break; thoughts, calls of tools and results of tools are told apart.
"""

from dataclasses import dataclass, field
from typing import Any

from engine.rows.turns import cells, tools
from engine.rows.verdict import Rejection, Repairs

TEXTS = ("text", "input_text", "output_text")
THOUGHTS = ("thinking", "reasoning")
HIDDEN = ("redacted_thinking",)
CALLS = ("tool_use", "tool_call", "function_call")
RESULTS = ("tool_result",)
_KEYS = ("text", "value", "content", "thinking", "reasoning")


@dataclass
class Content:
    """What a turn says, thinks, calls, and brings back from tools."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)  # turns of the role tool

    @property
    def text(self) -> str:
        return "\n".join(self.texts)


def is_parts(value: Any) -> bool:
    """Whether a value is a list of parts; the result of a tool may be any other list."""
    return isinstance(value, list) and all(isinstance(part, dict) and part.get("type") in TEXTS for part in value)


def content(value: Any, repairs: Repairs) -> Content:
    """What a turn's content holds: text, or a list of parts. Raises Rejection."""
    if not isinstance(value, list):
        return Content([cells.text(value, repairs, "content")])
    collected = Content()
    for part in value:
        _add(part, collected, repairs)
    return collected


def _add(part: Any, content: Content, repairs: Repairs) -> None:
    if isinstance(part, str):
        content.texts.append(cells.text(part, repairs))
        return
    kind = part.get("type", "text") if isinstance(part, dict) else None
    if kind in TEXTS:
        content.texts.append(_text(part, repairs))
    elif kind in THOUGHTS:
        content.thoughts.append(_text(part, repairs))
    elif kind in HIDDEN:
        repairs.add("left_out_hidden_thoughts")
    elif kind in CALLS:
        content.calls += tools.calls(part.get("value") or part)
    elif kind in RESULTS:
        content.results.append(_result(part, repairs))
    else:
        raise Rejection("not_text_part", part)


def _text(part: dict[str, Any], repairs: Repairs) -> str:
    key = next((key for key in _KEYS if part.get(key) is not None), None)
    if key is None:
        raise Rejection("not_text_part", part)
    return cells.text(part[key], repairs, key)


def _result(part: dict[str, Any], repairs: Repairs) -> dict[str, Any]:
    result = part.get("content")
    if isinstance(result, list) and not is_parts(result):
        raise Rejection("not_text_part", result)
    turn: dict[str, Any] = {"role": "tool", "content": content(result, repairs).text}
    call_id = part.get("tool_use_id")
    if isinstance(call_id, str) and call_id:
        turn["tool_call_id"] = cells.text(call_id, repairs)
    return turn
