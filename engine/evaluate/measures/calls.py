"""Calls of tools in an answer, in the ways models write them, compared with those that were expected."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.evaluate.measures import text

# What stands around the JSON of a call: Hermes and Qwen, Mistral, Llama 3, and the fence that many put around.
_TAGGED = re.compile(r"<tool_call>(.*?)(?:</tool_call>|$)", re.DOTALL)
_NAMED = re.compile(r"<function=([\w.-]{1,64})>(.*?)</function>", re.DOTALL)  # Llama 3's own
_BEFORE = ("[TOOL_CALLS]", "<|python_tag|>", "<|tool_call|>")
_FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)
_ARGUMENTS = ("arguments", "parameters")
Call = Mapping[str, Any]


def found(answer: str) -> list[Call]:
    """The calls an answer makes, in order: {"name", "arguments"}. What does not read as a call is not one."""
    plain = text.final(answer)
    if tagged := _TAGGED.findall(plain):
        return [call for inner in tagged for call in _read(inner)]
    if named := _NAMED.findall(plain):
        return [call for name, inner in named for call in _read(f'{{"name": "{name}", "arguments": {inner}}}')]
    for mark in _BEFORE:
        plain = plain.partition(mark)[2] if mark in plain else plain
    fenced = _FENCE.match(plain.strip())
    return _read(fenced[1] if fenced else plain)


def names(answer: str, expected: Sequence[Call]) -> float | None:
    """1 when the same tools are called, as often; the order of calls made together does not matter."""
    if not expected:
        return None
    return float(sorted(call["name"] for call in found(answer)) == sorted(call["name"] for call in expected))


def arguments(answer: str, expected: Sequence[Call]) -> float | None:
    """1 when the same tools are called with the same arguments: no more, no fewer, equal values."""
    if not expected:
        return None
    return float(sorted(map(_key, found(answer))) == sorted(map(_key, expected)))


def _read(inner: str) -> list[Call]:
    try:
        value = json.loads(inner)
    except (ValueError, RecursionError):
        return []
    calls = (_call(item) for item in (value if isinstance(value, list) else [value]))
    return [call for call in calls if call]


def _call(value: Any) -> Call | None:
    inner = value.get("function", value) if isinstance(value, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        return None
    given: Any = next((inner[key] for key in _ARGUMENTS if key in inner), {})
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return None
    return {"name": inner["name"], "arguments": given} if isinstance(given, dict) else None


def _key(call: Call) -> str:
    return json.dumps([call["name"], _plain(call["arguments"])], sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """2 and 2.0 are one number, blanks around a text do not count."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.strip() if isinstance(value, str) else value
