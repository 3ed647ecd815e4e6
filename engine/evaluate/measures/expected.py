"""What is known of a row when its answer is judged: the right answer, the calls, a schema, a pattern."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.rows import exact_json
from engine.rows.verdict import Kind

SCHEMA_COLUMNS = ("schema", "json_schema", "response_format", "response_schema")
PATTERN_COLUMNS = ("pattern", "regex")


@dataclass(frozen=True)
class Expected:
    """`answer`: the text of the right answer; "" where there is none. `calls`: the tools it calls, each as
    {"name", "arguments": object}. `schema` and `pattern`: what an answer must fit, where the row's own columns say so.
    `label`: of an unpaired answer."""

    kind: Kind
    answer: str = ""
    prompt: str = ""  # the last thing asked
    calls: Sequence[Mapping[str, Any]] = ()
    schema: Mapping[str, Any] | bool | None = None
    pattern: str = ""
    label: bool | None = None


def of(kind: Kind, values: Mapping[str, Any]) -> Expected:
    """What a stored row expects (columns of `columnar.SCHEMAS` as plain values): of a chat, its last answer."""
    extra = _opened(values.get("extra"))
    columns = extra if isinstance(extra, dict) else {}
    schema, pattern = _schema(columns), _pattern(columns)
    turns = [*_turns(values, "prompt"), *_turns(values, "messages"), *_turns(values, "chosen")]
    turns += _turns(values, "completion")
    prompt = values.get("prompt")
    if not turns:
        return Expected(kind, _plain_answer(values), str(prompt or ""), (), schema, pattern, values.get("label"))
    answer: Mapping[str, Any] = turns[-1] if turns[-1].get("role") == "assistant" else {}
    asked: Mapping[str, Any] = next((turn for turn in reversed(turns) if turn.get("role") == "user"), {})
    text, question = str(answer.get("content") or ""), str(asked.get("content") or "")
    return Expected(kind, text, question, calls_of(answer), schema, pattern, values.get("label"))


def calls_of(turn: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The calls of an assistant turn as {"name", "arguments"}; JSON text is read."""
    calls = _opened(turn.get("tool_calls"))
    expected = []
    for call in calls if isinstance(calls, list) else []:
        inner = call.get("function", call) if isinstance(call, dict) else {}
        name, arguments = inner.get("name"), _opened(inner.get("arguments") or {})
        if isinstance(name, str):
            expected.append({"name": name, "arguments": arguments})
    return tuple(expected)


def _turns(values: Mapping[str, Any], column: str) -> list[Mapping[str, Any]]:
    value = values.get(column)
    return [turn for turn in value if isinstance(turn, Mapping)] if isinstance(value, list) else []


def _plain_answer(values: Mapping[str, Any]) -> str:
    steps = values.get("completions")
    if isinstance(steps, list):
        return "\n".join(map(str, steps))
    return str(values.get("completion") or values.get("text") or "")


def _schema(columns: Mapping[str, Any]) -> Mapping[str, Any] | bool | None:
    for name in SCHEMA_COLUMNS:
        value = _opened(columns.get(name))
        if isinstance(value, dict) and isinstance(value.get("json_schema"), dict):  # as OpenAI's response_format
            value = value["json_schema"].get("schema")
        if isinstance(value, dict) and value:
            return value
    return None


def _pattern(columns: Mapping[str, Any]) -> str:
    patterns = (columns.get(name) for name in PATTERN_COLUMNS)
    return next((pattern for pattern in patterns if isinstance(pattern, str) and pattern), "")


def _opened(value: Any) -> Any:
    """A value that may be JSON text; None for text that is none."""
    if not isinstance(value, str):
        return value
    try:
        return exact_json.loads(value)
    except ValueError:
        return None
