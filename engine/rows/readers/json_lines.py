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
        row = exact_json.loads(text)
    except orjson.JSONDecodeError as error:
        return _mended(text, error)
    if text.count(b"[") + text.count(b"{") > MOST_DEPTH and is_deep(row):
        return Rejection("too_deep", text[:120].decode("utf-8", "backslashreplace"))
    return row


def _mended(text: bytes, error: orjson.JSONDecodeError) -> Mended | Rejection:
    if not _is_utf8(text):
        return Rejection("not_utf8", f"{error}: {text[:120].decode('utf-8', 'backslashreplace')}")
    correct, repairs = exact_json.mended(text)
    row = row_of(correct) if repairs and correct else None
    if row is None or isinstance(row, (Rejection, Mended)):
        return Rejection("invalid_json", f"{error}: {text[:120].decode('utf-8', 'backslashreplace')}")
    return Mended(row, repairs)


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
