"""JSON without loss: long numbers stay as they are written, and small slips of those who write JSON by hand are mended.

orjson reads a whole number above 2^64 as a fraction with 16 digits, and so it does with longer fractions.
"""

import json
import re
from decimal import Decimal
from typing import Any

import orjson

LONG = 17  # digits; every number with fewer survives as it is
_DIGITS = bytes(48 if 48 <= code <= 57 else 32 for code in range(256))
_RUN = b"0" * LONG
_MARK = b"\xef\xbb\xbf"
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_COMMENTS = re.compile(_STRING + rb"|(?P<odd>//[^\n]*)", re.DOTALL)
_SLIPS = re.compile(_STRING + rb"|(?P<comma>,)(?=\s*+(?:[\]}]|$))|(?P<odd>-?\b(?:NaN|Infinity)\b)", re.DOTALL)


def loads(text: bytes | str) -> Any:
    """What stands in JSON, whole numbers of any length included; a fraction that is too long for the machine as text.

    Raises orjson.JSONDecodeError.
    """
    value = orjson.loads(text)
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if _RUN not in data.translate(_DIGITS):
        return value
    try:
        return json.loads(text, parse_float=_fraction)
    except (
        ValueError,
        RecursionError,
    ):  # a number of thousands of digits; or deeper than Python goes, which is refused
        return value


def _fraction(text: str) -> float | str:
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text


def mended(text: bytes) -> tuple[bytes, frozenset[str]]:
    """The text without commas at the end of lists, comments, byte order marks and NaN; and the repairs that were made
    (`engine.rows.verdict.REPAIRS`), none where nothing of that kind is in it. Takes time as the text is long."""
    repairs = set()

    def replaced(match: re.Match[bytes]) -> bytes:
        groups = match.groupdict()
        if groups.get("comma"):
            repairs.add("trailing_comma")
            return b""
        if groups["odd"]:
            is_comment = groups["odd"].startswith(b"//")
            repairs.add("left_out_comment" if is_comment else "not_a_number")
            return b" " if is_comment else b"null"
        return match[0]

    bare = text.strip().removeprefix(_MARK)
    if bare != text.strip():
        repairs.add("byte_order_mark")
    return _SLIPS.sub(replaced, _COMMENTS.sub(replaced, bare)), frozenset(repairs)
