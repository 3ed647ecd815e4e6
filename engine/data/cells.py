"""One value of a row as text: numbers written out, NUL characters removed, half characters refused."""

from collections.abc import Iterable
from typing import Any

import orjson

from engine.data.verdict import Rejection, Repairs, Row


def text(value: Any, repairs: Repairs, where: str = "") -> str:
    """The value as text; nothing at all is the empty text. Raises Rejection for what is no text."""
    if isinstance(value, str):
        return _clean(value, repairs)
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        repairs.add("number_as_text")
        return str(value)
    raise Rejection("not_text", {where: value} if where else value)


def _clean(value: str, repairs: Repairs) -> str:
    if not value.isascii() and not _encodable(value):
        raise Rejection("broken_text", value)
    if "\x00" in value:
        repairs.add("removed_nul")
        return value.replace("\x00", "")
    return value


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def first(row: Row, columns: Iterable[str]) -> str | None:
    """The first of `columns` that the row has, whatever is in it."""
    return next((column for column in columns if column in row), None)


def opened(value: Any) -> Any:
    """A list kept as JSON in a text cell, as CSV files have it; anything else as it is."""
    if isinstance(value, str) and value[:1] == "[":
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value
