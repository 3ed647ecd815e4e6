"""JSONL: one JSON object a line. Blank lines are no rows."""

from collections.abc import Iterator
from typing import Any

import orjson

from engine.rows import exact_json
from engine.rows.readers.lines import lines
from engine.rows.readers.source import Source
from engine.rows.verdict import Mended, Rejection

MOST_DEPTH = 100


def rows(source: Source) -> Iterator[Any]:
    for line in lines(source.chunks()):
        if line is None:
            yield Rejection("too_long")
        elif line and not line.isspace():
            yield row_of(line.removesuffix(b"\n"))  # so that an error reads the same wherever the line comes from


def row_of(text: bytes) -> Any:
    """One row from its JSON, Mended when it took that; a Rejection when it is none. Never raises, however deep or
    broken the text is."""
    try:
        return _checked(exact_json.loads(text), text)
    except orjson.JSONDecodeError as error:
        words = f"{error.msg}, character {error.pos + 1}: {_beginning(text)}"  # orjson's own words say `line 1`
        rejection = Rejection("invalid_json" if _is_utf8(text) else "not_utf8", words)
    return _mended(text, rejection) if rejection.rule == "invalid_json" else rejection


def _mended(text: bytes, rejection: Rejection) -> Mended | Rejection:
    correct, repairs = exact_json.mended(text)
    if not repairs:
        return rejection
    try:
        row = _checked(exact_json.loads(correct), correct)
    except orjson.JSONDecodeError:
        return rejection
    return row if isinstance(row, Rejection) else Mended(row, repairs)


def _checked(row: Any, text: bytes) -> Any:
    if text.count(b"[") + text.count(b"{") > MOST_DEPTH and is_deep(row):
        return Rejection("too_deep", _beginning(text))
    return row


def _beginning(text: bytes) -> str:
    return text[:120].decode("utf-8", "backslashreplace")


def is_deep(value: Any) -> bool:
    """Whether more lists and objects stand inside each other than anything that goes through them would survive."""
    level = [value]
    for _ in range(MOST_DEPTH):
        nested = [node.values() if isinstance(node, dict) else node for node in level if isinstance(node, (dict, list))]
        if not (level := [child for children in nested for child in children]):
            return False
    return True


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
