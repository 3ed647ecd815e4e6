"""What an answer is worth: rules between 0 and 1, a person's own function, a reward model. No torch here.

`judges` makes them in the shape TRL calls: with all answers of a batch, and the columns of their rows. None means that
an answer is not counted.
"""

import atexit
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from engine.recipes.choices.commas import words
from engine.recipes.recipe import Recipe
from engine.workers.contract import WorkFailedError
from engine.workers.rewards import code as reward_code
from engine.workers.rewards import patterns

Worth = float | None
Scores = Callable[[Sequence[list[dict[str, Any]]], Sequence[str]], list[Worth]]
FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """What the model said, to which turns, and the other columns of that row; `ground_truth`: the right answer."""

    text: str
    turns: list[dict[str, Any]]
    columns: dict[str, Any]
    ground_truth: Any = None

    @property
    def arguments(self) -> dict[str, Any]:
        """For a person's own function. `messages` are all turns, `prompt` is the last one's text."""
        prompt = self.turns[-1].get("content") if self.turns else ""
        standard_columns = {
            "prompt": prompt or "",
            "completion": self.text,
            "messages": self.turns,
            "ground_truth": self.ground_truth,
        }
        return self.columns | standard_columns


Judge = Callable[[list[Answer]], list[Worth]]


def exact_match(answer: str, ground_truth: Any, find: patterns.Search | None = None) -> float:
    """1 when the answer, or what a pattern's first group finds in it, is `ground_truth`; spaces around do not count."""
    text = answer
    if find:
        match = find(answer)
        text = (match.group(1) or "") if match else ""
    return float(" ".join(text.split()) == " ".join(str(ground_truth).split()))


def json_schema(answer: str, validator: Draft202012Validator) -> float:
    """1 when the answer is JSON, alone or in a fence, and valid against the schema. Raises WorkFailedError."""
    text = answer.strip()
    if fence := FENCE.match(text):
        text = fence.group(1)
    try:
        value = json.loads(text)
        return float(bool(patterns.in_time(lambda: validator.is_valid(value))))
    except (ValueError, RecursionError):
        return 0.0
    except Unresolvable as error:
        raise _unreadable("reward_schema", f"it refers to what is not in it: {error.ref}") from error


def length(answer: str, good: int) -> float:
    """1 up to `good` characters, then falling to 0 at twice that."""
    return max(0.0, min(1.0, 2 - len(answer) / good))


def judges(recipe: Recipe, column: str, scores: Scores | None = None) -> list[Callable[..., list[Worth]]]:
    """A judge for each name in reward_funcs, in order. The rule's name is the name of its curve.

    `column` of a row has the right answer, `scores` is a reward model. Raises WorkFailedError for a schema or a
    function that is none.
    """
    return [_as_trl_reward_function(name, MAKERS[name](recipe, scores), column) for name in words(recipe.reward_funcs)]


def _per_answer(rule: Callable[[Answer], Worth]) -> Judge:
    return lambda answers: [rule(answer) for answer in answers]


def _exact_match(recipe: Recipe, _: Scores | None) -> Judge:
    has_group = recipe.reward_pattern and patterns.groups(recipe.reward_pattern)
    find = patterns.search(recipe.reward_pattern) if has_group else None
    return _per_answer(lambda answer: exact_match(answer.text, answer.ground_truth, find))


def _regex(recipe: Recipe, _: Scores | None) -> Judge:
    find = patterns.search(recipe.reward_pattern)
    return _per_answer(lambda answer: float(find(answer.text) is not None))


def _json_schema(recipe: Recipe, _: Scores | None) -> Judge:
    schema = json.loads(recipe.reward_schema or '{"type": "object"}')
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise _unreadable("reward_schema", error.message[:300]) from error
    validator = Draft202012Validator(schema, registry=EMPTY_REGISTRY)  # asks nobody about addresses in it
    return _per_answer(lambda answer: json_schema(answer.text, validator))


def _length(recipe: Recipe, _: Scores | None) -> Judge:
    return _per_answer(lambda answer: length(answer.text, recipe.reward_length))


def _python(recipe: Recipe, _: Scores | None) -> Judge:
    function = reward_code.Function(recipe.reward_code, recipe.reward_seconds)
    atexit.register(function.close)
    function.ask([])  # says at once what is wrong with the text
    return lambda answers: function.ask([answer.arguments for answer in answers])


def _reward_model(_: Recipe, scores: Scores | None) -> Judge:
    if scores is None:
        raise WorkFailedError("config", "No reward model was given.", "Choose one in reward_model_id.")
    return lambda answers: scores([answer.turns for answer in answers], [answer.text for answer in answers])


MAKERS: dict[str, Callable[[Recipe, Scores | None], Judge]] = {
    "exact_match": _exact_match,
    "regex": _regex,
    "json_schema": _json_schema,
    "length": _length,
    "python": _python,
    "reward_model": _reward_model,
}


def _as_trl_reward_function(name: str, judge: Judge, column: str) -> Callable[..., list[Worth]]:
    def reward_function(completions: list[str], extra: list[str], messages: list[str], **_: Any) -> list[Worth]:
        rows = zip(completions, map(json.loads, messages), map(json.loads, extra), strict=True)
        return judge([Answer(text, turns, columns, columns.get(column)) for text, turns, columns in rows])

    reward_function.__name__ = name
    return reward_function


def _unreadable(field: str, reason: str) -> WorkFailedError:
    return WorkFailedError("config", f"{field} cannot be used: {reason}.", f"Correct {field}.")
