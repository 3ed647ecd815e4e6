"""Rules that judge an answer: what each is worth between 0 and 1. Plain functions of texts, no torch.

`judges` makes them in the shape TRL calls: with all answers of a batch, and the columns of their rows.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from jsonschema import Draft202012Validator

from engine.recipe import Recipe
from engine.recipe_rules import words

Judge = Callable[..., list[float]]
FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)


def exact_match(answer: str, right: Any, pattern: str = "") -> float:
    """1 when the answer, or what the first group of `pattern` finds in it, is `right`; spaces around do not count."""
    said = answer
    if pattern and re.compile(pattern).groups:
        found = re.search(pattern, answer)
        said = (found.group(1) or "") if found else ""
    return float(" ".join(said.split()) == " ".join(str(right).split()))


def regex(answer: str, pattern: str) -> float:
    """1 when the pattern is found somewhere in the answer."""
    return float(re.search(pattern, answer) is not None)


def json_schema(answer: str, validator: Draft202012Validator) -> float:
    """1 when the answer is JSON, alone or in a fence, and valid against the schema."""
    text = answer.strip()
    if fenced := FENCE.match(text):
        text = fenced.group(1)
    try:
        return float(validator.is_valid(json.loads(text)))
    except (ValueError, RecursionError):
        return 0.0


def length(answer: str, good: int) -> float:
    """1 up to `good` characters, then falling to 0 at twice that."""
    return max(0.0, min(1.0, 2 - len(answer) / good))


def judges(recipe: Recipe, column: str) -> list[Judge]:
    """A judge for each name in reward_funcs, in order. The rule's name is the name of its curve.

    `column` of a row has the right answer for exact_match.
    """
    schema = json.loads(recipe.reward_schema or '{"type": "object"}')
    made: dict[str, Callable[[str, dict[str, Any]], float]] = {
        "exact_match": lambda answer, row: exact_match(answer, row.get(column), recipe.reward_pattern),
        "regex": lambda answer, _: regex(answer, recipe.reward_pattern),
        "json_schema": lambda answer, _: json_schema(answer, Draft202012Validator(schema)),
        "length": lambda answer, _: length(answer, recipe.reward_length),
    }
    return [_as_trl_calls_it(name, made[name]) for name in words(recipe.reward_funcs)]


def _as_trl_calls_it(name: str, rule: Callable[[str, dict[str, Any]], float]) -> Judge:
    def judge(completions: list[str], extra: list[str], **_: Any) -> list[float]:
        return [rule(answer, json.loads(row)) for answer, row in zip(completions, extra, strict=True)]

    judge.__name__ = name
    return judge
