"""JSON schemas of strangers, within bounds: no pattern, no references and no nesting can hold up a report.

`jsonschema` searches patterns with Python's `re`, which may take longer than the universe, and compares each item of a
list with each other; both are replaced here. Everything else is counted, and ends when it is too much.
"""

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import re2
from jsonschema import Draft202012Validator, SchemaError, ValidationError, validators
from jsonschema.exceptions import UndefinedTypeCheck
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

LONGEST = 100_000  # characters of a schema
MOST_STEPS = 10_000  # keywords that are looked at for one answer
# These look again at all that was looked at, outside the counted steps; with references, without end.
_UNCOUNTED = ('"unevaluatedProperties"', '"unevaluatedItems"')
_REFERENCES = ('"$ref"', '"$dynamicRef"')

Keyword = Callable[..., Any]
_EXTEND: Any = validators.extend  # it has no types


class _TooMuchError(Exception):
    """The schema takes more steps than any honest one."""


class _Steps:
    def __init__(self) -> None:
        self.left = MOST_STEPS

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _TooMuchError


def usable(schema: Any) -> bool:
    """Whether it is a schema of JSON Schema (draft 2020-12), and of a size and a kind that can be bounded."""
    try:
        text = json.dumps(schema, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return False
    return _is_usable(text)


def fits(value: Any, schema: Any) -> float | None:
    """1 for a value that is valid, 0 for one that is not, None where the schema cannot tell within its bounds."""
    steps = _Steps()
    keywords = {name: _counted(keyword, steps) for name, keyword in _KEYWORDS.items()}
    validator = _EXTEND(Draft202012Validator, keywords)(schema, registry=EMPTY_REGISTRY)  # asks nobody about addresses
    try:
        return float(validator.is_valid(value))
    except (_TooMuchError, Unresolvable, RecursionError, ArithmeticError, UndefinedTypeCheck, ValueError, TypeError):
        return None


def canonical(value: Any) -> str:
    """A text that two JSON values share exactly when they are equal: 1 and 1.0 are, 1 and true are not."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


@lru_cache(maxsize=64)
def _is_usable(text: str) -> bool:
    if len(text) > LONGEST:
        return False
    if any(name in text for name in _UNCOUNTED) and any(name in text for name in _REFERENCES):
        return False
    try:
        Draft202012Validator.check_schema(json.loads(text))
    except (SchemaError, RecursionError, ValueError, OverflowError):
        return False
    return True


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _counted(keyword: Keyword, steps: _Steps) -> Keyword:
    def counted(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[Any]:
        steps.spend()
        yield from keyword(validator, rule, instance, schema) or ()

    return counted


def _searched(pattern: str, text: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.search(pattern, text, options=options) is not None
    except (re2.error, UnicodeEncodeError) as error:
        raise ValueError(f"RE2 does not know {pattern}") from error


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _searched(pattern, instance):
        yield ValidationError(f"{pattern} is not found")


def _pattern_properties(validator: Any, rule: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for pattern, subschema in rule.items():
            for name, item in instance.items():
                if _searched(pattern, name):
                    yield from validator.descend(item, subschema, path=name, schema_path=pattern)


def _additional(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get("patternProperties", {})
    known = schema.get("properties", {})
    for name, item in instance.items():
        if name not in known and not any(_searched(pattern, name) for pattern in patterns):
            yield from validator.descend(item, rule, path=name)


def _unique(validator: Any, rule: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if rule and validator.is_type(instance, "array"):
        texts = [canonical(item) for item in instance]
        if len(set(texts)) != len(texts):
            yield ValidationError("items repeat")


_KEYWORDS: dict[str, Keyword] = dict(Draft202012Validator.VALIDATORS) | {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "uniqueItems": _unique,
}
