"""Which measures make sense of which data, and the one that decides."""

import pytest

from engine.evaluate.measures import choice, measures
from engine.evaluate.measures.expected import Expected
from engine.recipes.methods import METHODS
from engine.rows.verdict import Kind

LONG = "A long answer in free words, which nobody can be expected to give word for word. It has two sentences."
CALL = {"name": "weather", "arguments": {"city": "Busan"}}


def rows(*answers: str, kind: Kind = "chat") -> list[Expected]:
    return [Expected(kind, answer) for answer in answers * 5]


@pytest.mark.parametrize(
    ("found", "primary"),
    [
        (rows("Paris", "positive", "The capital is Rome."), "exact_match"),
        (rows("17 plus 6 equals 23.", "5 plus 6 equals 11.", "23"), "number_match"),
        (
            rows("She sold 48 / 2 = 24 clips, so altogether she sold 72 of them in these two months.\n#### 72"),
            "number_match",
        ),
        (rows(LONG, LONG, "Yes."), "nll"),
        (rows("서울입니다", "부산"), "exact_match"),
        (rows('{"name": "Ann"}', '{"name": "Bob"}'), "json_match"),
        ([Expected("chat", "", calls=[CALL]), Expected("chat", "It is fine.")] * 5, "tool_arguments"),
        (
            rows("<think>\nLong thoughts about what the capital of France may be, and where.\n</think>\nParis"),
            "exact_match",
        ),
        (rows("", ""), "exact_match"),
        ([], "nll"),
    ],
)
def test_the_primary_measure_of_answers_follows_from_their_form(found: list[Expected], primary: str) -> None:
    assert choice.primary_for("chat", "sft", found) == primary
    assert choice.primary_for("completion", "sft", found) == primary
    assert choice.measures_for("chat", found)[0] == primary


@pytest.mark.parametrize(
    ("kind", "method", "primary"),
    [
        ("text", "cpt", "nll"),
        ("preference", "dpo", "preference_accuracy"),
        ("preference", "reward", "preference_accuracy"),
        ("unpaired", "kto", "preference_margin"),
        ("prompt", "grpo", "reward"),
        ("completion", "rloo", "reward"),
        ("stepwise", "", "nll"),
    ],
)
def test_the_primary_measure_of_other_kinds_follows_from_the_kind(kind: Kind, method: str, primary: str) -> None:
    assert choice.primary_for(kind, method, rows(LONG, kind=kind)) == primary


def test_every_method_and_kind_has_measures_that_fit_the_kind() -> None:
    for method, about in METHODS.items():
        for kind in about.kinds:
            names = choice.measures_for(kind, rows("Paris"), method)
            assert len(names) == len(set(names))
            assert all(kind in measures.look_up(name).kinds for name in names), (method, kind, names)


def test_korean_and_chinese_are_compared_by_characters() -> None:
    for answer in ("오늘은 날씨가 좋습니다", "今天天气很好", "今日はいい天気です"):
        names = choice.measures_for("chat", rows(answer))
        assert {"chrf", "character_overlap"} <= set(names)
        assert not {"rouge_l", "token_f1", "bleu"} & set(names)
    assert {"rouge_l", "token_f1", "bleu", "chrf"} <= set(choice.measures_for("chat", rows("It is a fine day.")))


def test_forms_that_some_rows_have_are_measured() -> None:
    names = choice.measures_for("chat", [Expected("chat", "Paris", schema={"type": "object"}), Expected("chat", "x")])
    assert "json_schema" in names
    assert "regex" in choice.measures_for("prompt", [Expected("prompt", pattern="a+")])
    assert {"tool_name", "tool_arguments"} <= set(choice.measures_for("chat", [Expected("chat", LONG, calls=[CALL])]))
    assert "json_valid" in choice.measures_for("chat", rows('{"a": 1}'))
