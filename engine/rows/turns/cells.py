"""One value of a row: as text, as a list kept in a text cell, as yes or no, or as plain data to keep beside the row."""

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import orjson

from engine.rows import exact_json
from engine.rows.verdict import Rejection, Repairs, printable_value

DEEPEST = 60
LARGEST = 1 << 63
_YES = (True, "true", "yes", "1")
_NO = (False, -1, "false", "no", "0")


def text(value: Any, repairs: Repairs, where: str = "") -> str:
    """The value as text; nothing at all is the empty text. Raises Rejection for what is no text."""
    if isinstance(value, str):
        return value if is_clean(value) else _cleaned(value, repairs)
    if value is None:
        return ""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        repairs.add("number_as_text")
        return _number(value)
    raise Rejection("not_text", {where: value} if where else value)


def is_clean(value: str) -> bool:
    """No NUL and no half characters. Text in ASCII costs nothing to look through."""
    return "\x00" not in value and (value.isascii() or _encodable(value))


def _cleaned(value: str, repairs: Repairs) -> str:
    if not _encodable(value):
        raise Rejection("broken_text", value)
    repairs.add("removed_nul")
    return value.replace("\x00", "")


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(value: int | float | Decimal) -> str:
    """As people write it: a decimal without an exponent."""
    try:
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    except ValueError as error:  # Python writes no integer of more than 4,300 digits
        raise Rejection("not_text", "a number of thousands of digits") from error


def first(row: Mapping[str, Any], columns: Iterable[str]) -> str | None:
    """The first of `columns` that the row has, whatever is in it."""
    return next((column for column in columns if column in row), None)


def opened(value: Any) -> Any:
    """A list or object kept as JSON in a text cell, as CSV files have it; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return exact_json.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def yes_or_no(value: Any) -> bool | None:
    """What a label says; None when it is neither."""
    if isinstance(value, str):
        value = value.strip().lower()
    elif not isinstance(value, (bool, int, float)):
        return None
    return True if value in _YES else False if value in _NO else None


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON can keep it and give it back unchanged: dates and the like as text, numbers that are too long
    as text with all their digits, no NaN, no half characters, at most `DEEPEST` levels."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return value if _fits_json(value) else None if value != value else _digits(value)
    if isinstance(value, Decimal):
        return _digits(value)
    if depth < DEEPEST and isinstance(value, dict):
        return {plain(str(name)): plain(item, depth + 1) for name, item in value.items()}
    if depth < DEEPEST and isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    return printable_value(value) if isinstance(value, (dict, list, tuple, bytes)) else printable_value(str(value))


def _digits(value: int | float | Decimal) -> str:
    try:
        return _number(value)
    except Rejection:
        return printable_value(value)


def _fits_json(value: int | float) -> bool:
    return math.isfinite(value) if isinstance(value, float) else -LARGEST <= value < LARGEST
