"""Answers with a form: JSON, a JSON schema, a regular expression. Schemas and patterns come from strangers' rows."""

import json
import re
from functools import lru_cache
from typing import Any

import re2

from engine.evaluate.measures import schemas, text

FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)
LONGEST_PATTERN = 2000
MISSING = object()


def value(answer: str) -> Any:
    """The JSON value an answer is, alone or in a fence; MISSING when it is none."""
    plain = text.final(answer)
    if fence := FENCE.match(plain):
        plain = fence[1]
    try:
        return json.loads(plain, parse_constant=_refused)
    except (ValueError, RecursionError):
        return MISSING


def json_valid(answer: str) -> float:
    """1 for JSON and nothing beside it: a model that adds words breaks the program that reads it."""
    return float(value(answer) is not MISSING)


def json_match(answer: str, expected: str) -> float | None:
    """1 for the same JSON value, whatever its blanks and the order of its keys. None when no JSON is expected."""
    right = value(expected)
    if right is MISSING:
        return None
    given = value(answer)
    return float(given is not MISSING and schemas.canonical(given) == schemas.canonical(right))


def json_schema(answer: str, schema: Any) -> float | None:
    """1 for JSON that is valid against the schema. None without a schema, or with one that cannot be used."""
    if schema is None or not schemas.usable(schema):
        return None
    given = value(answer)
    return 0.0 if given is MISSING else schemas.fits(given, schema)


def regex(answer: str, pattern: str) -> float | None:
    """1 when the pattern is found in the answer. None without one, or with one that RE2 does not know: it takes a time
    that grows with the answer and no faster, so that no pattern of a stranger holds up a report."""
    finder = _finder(pattern) if pattern else None
    return None if finder is None else float(finder.search(text.final(answer)) is not None)


@lru_cache(maxsize=256)
def _finder(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options) if len(pattern) <= LONGEST_PATTERN else None
    except (re2.error, UnicodeEncodeError):  # the latter for halves of a character, which JSON can hold
        return None


def _refused(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")
