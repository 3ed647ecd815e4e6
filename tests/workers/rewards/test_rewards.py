"""What the rules say an answer is worth."""

import json
import time
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.recipes.recipe import Recipe
from engine.workers import contract
from engine.workers.rewards import patterns, rewards


def recipe(names: str, **fields: Any) -> Recipe:
    return Recipe(model_id="m", dataset_id="d", method="grpo", reward_funcs=names, **fields)


def judged(
    name: str, answers: list[str], right: Any = "", other_columns: Any = None, **fields: Any
) -> list[float | None]:
    """What the one reward of a recipe gives for these answers to the same prompt."""
    (judge,) = rewards.judges(recipe(name, **fields), "right")
    extra = json.dumps({"right": right, **(other_columns or {})})
    messages = json.dumps([{"role": "user", "content": "How much?"}])
    return judge(completions=answers, extra=[extra] * len(answers), messages=[messages] * len(answers), prompts=[])


@pytest.mark.parametrize(
    ("answer", "right", "pattern", "worth"),
    [
        (" 23\n", "23", "", 1),
        ("23.", "23", "", 0),
        ("It is  all\nfine", "It is all fine", "", 1),
        ("17 plus 6 equals 23.", 23, r"(-?\d+)\D*$", 1),
        ("17 plus 6 equals 24.", 23, r"(-?\d+)\D*$", 0),
        ("no number", "23", r"(-?\d+)\D*$", 0),
        ("23", "23", r"\d+", 1),  # a pattern without a group is for `regex`
        ("a", "", r"a(b)?", 1),  # the group is there and found nothing
    ],
)
def test_exact_match(answer: str, right: object, pattern: str, worth: float) -> None:
    assert judged("exact_match", [answer], right=right, reward_pattern=pattern) == [worth]


def test_regex_looks_anywhere() -> None:
    answers = ["so <b>42</b>", "42"]
    assert judged("regex", answers, reward_pattern=r"<b>\d+</b>") == [1, 0]
    assert judged("regex", answers, reward_pattern=r"(?<=<b>)\d+(?=</b>)") == [1, 0]  # RE2 cannot look around


HOPELESS = "a" * 40 + "b"


def test_no_pattern_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.2)
    started = time.process_time()
    assert judged("regex", [HOPELESS, "aaa"], reward_pattern=r"(a+)+$") == [0, 1]
    assert judged("regex", [HOPELESS, "aaa"], reward_pattern=r"(?!x)(a+)+$") == [0, 1]
    assert judged("exact_match", [HOPELESS], right="", reward_pattern=r"(?!x)(a+)+$") == [1]  # nothing found in time
    assert judged("json_schema", [f'{{"a": "{HOPELESS}"}}'], reward_schema=SLOW) == [0]
    assert time.process_time() - started < 40


SLOW = '{"properties": {"a": {"pattern": "^(a+)+$"}}}'


@pytest.mark.parametrize(
    ("schema", "words"),
    [('{"type": "thing"}', "reward_schema cannot be used"), ('{"$ref": "http://127.0.0.1:9/x"}', "what is not in it")],
)
def test_a_schema_that_is_none_or_points_elsewhere_is_refused_in_words(schema: str, words: str) -> None:
    with pytest.raises(contract.WorkFailedError, match=words):
        judged("json_schema", ["{}"], reward_schema=schema)


@pytest.mark.parametrize(
    ("answer", "worth"),
    [('{"a": 1}', 1), ('```json\n{"a": 2}\n```', 1), ('{"a": "x"}', 0), ("{}", 0), ("{", 0), ("[" * 100_000, 0)],
)
def test_json_is_valid_against_the_schema(answer: str, worth: float) -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    assert rewards.json_schema(answer, Draft202012Validator(schema)) == worth


def test_length_falls_to_nothing_at_twice_the_good_length() -> None:
    assert judged("length", ["x" * count for count in (0, 10, 15, 20, 99)], reward_length=10) == [1, 1, 0.5, 0, 0]


def test_a_function_of_ones_own_gets_the_row() -> None:
    code = "def reward(prompt, completion, ground_truth, level, messages):\n"
    code += "    return level if (prompt, ground_truth, len(messages)) == ('How much?', 7, 1) else completion == 'x'"
    assert judged("python", ["x", "y"], right=7, reward_code=code, other_columns={"level": 0.5}) == [0.5, 0.5]
    assert judged("python", ["x", "y"], right=8, reward_code=code, other_columns={"level": 0.5}) == [1, 0]
    with pytest.raises(contract.WorkFailedError, match="ZeroDivisionError"):
        rewards.judges(recipe("python", reward_code="1 / 0\ndef reward(): pass"), "right")


def test_judges_are_called_as_trl_calls_them_in_the_recipes_order() -> None:
    fields = {"reward_pattern": r"(\d)", "reward_length": 2}
    judges = rewards.judges(recipe("length, exact_match, regex, json_schema", **fields), "right")
    assert [judge.__name__ for judge in judges] == ["length", "exact_match", "regex", "json_schema"]
    arguments = {"prompts": [[1], [1]], "completions": ["7", "{}xx"], "extra": ['{"right": 7}', '{"right": 7}']}
    assert [judge(**arguments, messages=["[]", "[]"], trainer_state=None) for judge in judges] == [
        [1, 0],
        [1, 0],
        [1, 0],
        [0, 0],
    ]
