"""Datasets as files to try operations on, and what operations make of them."""

from pathlib import Path
from typing import Any

from engine.rows.shape import operation as shaping
from engine.rows.shape import operations
from engine.rows.store import columnar, columns
from engine.rows.verdict import Kind

TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
CALL = {"type": "function", "function": {"name": "add", "arguments": {"a": 1}}}


def turn(role: str, content: str, **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **fields}


def asked(text: str = "What is it?") -> list[dict[str, Any]]:
    return [turn("user", text)]


# One row of each kind, with everything that kind can hold.
EXAMPLES: dict[Kind, dict[str, Any]] = {
    "chat": {
        "messages": [
            turn("system", "Be kind."),
            turn("user", "Hi"),
            turn("assistant", "", tool_calls=[CALL]),
            turn("tool", "3"),
            turn("assistant", "Three."),
        ],
        "tools": TOOLS,
    },
    "completion": {"prompt": "2 + 2 =", "completion": " 4"},
    "text": {"text": "Once upon a time."},
    "preference": {
        "prompt": asked(),
        "chosen": [turn("assistant", "A cat.")],
        "rejected": [turn("assistant", "A dog.")],
    },
    "unpaired": {"prompt": asked(), "completion": [turn("assistant", "A cat.")], "label": True},
    "prompt": {"prompt": asked("Solve it")},
    "stepwise": {"prompt": "1+1", "completions": ["count", "two"], "labels": [True, False]},
}


def write(path: Path, kind: Kind, rows: list[dict[str, Any]]) -> Path:
    """A dataset's file with these rows, numbered from 1 where they say no number."""
    with columnar.Writer(path, kind) as writer:
        for number, row in enumerate(rows, 1):
            writer.add(row.get("row", number), {name: value for name, value in row.items() if name != "row"})
        writer.close()
    return path


def parent(folder: Path, kind: Kind, rows: list[dict[str, Any]], name: str = "one") -> shaping.Parent:
    return shaping.Parent(write(folder / f"{name}.parquet", kind, rows), kind, name, len(rows))


def pairs(folder: Path, count: int, name: str = "one", **extra_columns: Any) -> shaping.Parent:
    """Questions and answers, all different."""
    rows = [
        {"prompt": f"{name} {number}?", "completion": f"It is {number}.", **extra_columns} for number in range(count)
    ]
    return parent(folder, "completion", rows, name)


def run(folder: Path, operation: dict[str, Any], *parents: shaping.Parent) -> list[dict[str, Any]]:
    """The rows that come out, as people know them."""
    workspace = shaping.Workspace(folder)
    parsed = operations.parse(operation)
    return [row for batch in parsed.run(parents, workspace) for row in columns.plain(batch)]


def numbers(rows: list[dict[str, Any]]) -> list[int]:
    return [row["row"] for row in rows]
