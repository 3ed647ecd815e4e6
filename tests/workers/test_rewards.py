"""What the rules say an answer is worth."""

import pytest
from jsonschema import Draft202012Validator

from engine.recipe import Recipe
from engine.workers import rewards


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
    assert rewards.exact_match(answer, right, pattern) == worth


def test_regex_looks_anywhere() -> None:
    assert rewards.regex("so <b>42</b>", r"<b>\d+</b>") == 1
    assert rewards.regex("42", r"<b>") == 0


@pytest.mark.parametrize(
    ("answer", "worth"),
    [('{"a": 1}', 1), ('```json\n{"a": 2}\n```', 1), ('{"a": "x"}', 0), ("{}", 0), ("{", 0), ("[" * 100_000, 0)],
)
def test_json_is_valid_against_the_schema(answer: str, worth: float) -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    assert rewards.json_schema(answer, Draft202012Validator(schema)) == worth


def test_length_falls_to_nothing_at_twice_the_good_length() -> None:
    assert [rewards.length("x" * count, 10) for count in (0, 10, 15, 20, 99)] == [1, 1, 0.5, 0, 0]


def test_judges_are_called_as_trl_calls_them_in_the_recipes_order() -> None:
    recipe = Recipe(
        model_id="m",
        dataset_id="d",
        method="grpo",
        reward_funcs="length, exact_match, regex, json_schema",
        reward_pattern=r"(\d)",
        reward_length=2,
    )
    judges = rewards.judges(recipe, "right")
    assert [judge.__name__ for judge in judges] == ["length", "exact_match", "regex", "json_schema"]
    called = {"prompts": [[1], [1]], "completions": ["7", "{}xx"], "extra": ['{"right": 7}', '{"right": 7}']}
    assert [judge(**called, trainer_state=None) for judge in judges] == [[1, 0], [1, 0], [1, 0], [0, 0]]
