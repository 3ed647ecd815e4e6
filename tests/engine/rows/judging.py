"""Rows and their verdicts in few words, for the tests of formats."""

from pathlib import Path
from typing import Any

from engine.rows.mapping import detection
from engine.rows.store import columnar
from engine.rows.verdict import REPAIRS, RULES, Format, Kind, Rejection

BY_NAME = {row_format.name: row_format for row_format in detection.FORMATS}
CHAT = BY_NAME["messages"]
ASKED = {"role": "user", "content": "Hi"}
ANSWERED = {"role": "assistant", "content": "Hello"}
_ROLES = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}


def verdict_on(row: Any, file_format: Format | None = None) -> detection.Accepted | Rejection:
    return detection.judge(row, file_format or detection.detect([row]) or CHAT)


def values_and_repairs(row: Any, file_format: Format | None = None) -> tuple[dict[str, Any], set[str]]:
    """What a row that is taken became, and the repairs it took."""
    verdict = verdict_on(row, file_format)
    assert isinstance(verdict, detection.Accepted), verdict
    assert verdict.repairs <= set(REPAIRS)
    return verdict.values, set(verdict.repairs)


def accepted(row: Any, file_format: Format | None = None) -> dict[str, Any]:
    return values_and_repairs(row, file_format)[0]


def rule(row: Any, file_format: Format | None = None) -> str:
    verdict = verdict_on(row, file_format)
    assert isinstance(verdict, Rejection), verdict
    assert verdict.fix == RULES[verdict.rule]
    return verdict.rule


def turns(*texts: str) -> list[dict[str, Any]]:
    """u:Hi a:Hello -> turns; a-:Hello is an answer that is context only."""
    return [
        {"role": _ROLES[text[0]], "content": text.partition(":")[2], **({"train": False} if text[1] == "-" else {})}
        for text in texts
    ]


def chat(*texts: str) -> dict[str, Any]:
    return {"messages": turns(*texts)}


def call_turn(name: str = "f", text: str = "", **arguments: Any) -> dict[str, Any]:
    """An assistant turn that calls a tool."""
    call = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": text, "tool_calls": [call]}


def stored(path: Path, kind: Kind, values: dict[str, Any]) -> dict[str, Any]:
    """The values of a row after they were written to a file and read again."""
    with columnar.Writer(path, kind) as writer:
        writer.add(1, values)
        writer.close()
    (row,) = columnar.page(path, 0, 1)
    assert row.pop("row") == 1
    return row
