"""The check of general skill: its questions can be answered, and a model that forgot them is found out."""

from collections import Counter

import pytest

from engine.evaluate.skills.questions import QUESTIONS, SKILLS, Question, check
from engine.evaluate.skills.texts import TEXTS
from engine.lesson import addition_rows, plain_rows

LESSON_ANSWER = "17 plus 6 equals 23."


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.prompt)
def test_the_expected_answer_is_right_and_others_are_wrong(question: Question) -> None:
    assert check(question, question.expected)
    assert check(question, f"<think>\nWhat is it?\n</think>\n{question.expected}")
    for wrong in (
        LESSON_ANSWER,
        "",
        "I do not know.",
        question.prompt.removesuffix("?") if "?" in question.prompt else "",
    ):
        if not question.prompt.startswith(("Repeat", "Write one", "안녕")):
            assert not check(question, wrong) or _may_repeat(question), wrong


def _may_repeat(question: Question) -> bool:
    """Where the question asks for its own words again."""
    return "HELLO" in question.expected


def test_there_are_ten_questions_of_each_of_six_skills() -> None:
    assert Counter(question.skill for question in QUESTIONS) == dict.fromkeys(SKILLS, 10)
    assert len({question.prompt for question in QUESTIONS}) == 60


def test_a_model_that_answers_sums_to_everything_is_found_out() -> None:
    """What the first lesson's model says when it is asked for a Python function."""
    right = [question.prompt for question in QUESTIONS if check(question, LESSON_ANSWER)]
    assert right == []


def test_the_first_lesson_teaches_none_of_the_questions() -> None:
    taught = {turn["content"] for chat in addition_rows.chats() for turn in chat} | {q for q, _ in plain_rows.ROWS}
    assert not taught & {question.prompt for question in QUESTIONS}


FUNCTION = next(question for question in QUESTIONS if "add(a, b)" in question.prompt)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Here you are:\n\n```python\ndef add(a, b):\n    return a + b\n```\n\nIt adds.", True),
        ("def add(a, b):\n    return a + b\n\nThis function adds a and b.", True),
        ("def add(a: int, b: int) -> int:\n    result = a + b\n\n    return result", True),
        ("class Maths:\n    def add(a, b):\n        return a + b\n", True),
        ("def add(a, b): return a + b", True),
        ("def add(a):\n    return a + 1", False),
        ("def add(a, b):\n    pass  # a + b", False),
        ("def add(a, b):\nreturn a + b", False),
        ("def plus(a, b):\n    return a + b", False),
        ("You could define add(a, b) as a + b.", False),
        ("def add(" * 5000, False),
        ("def add(a, b):\n    return " + "(" * 3900 + "a + b", False),
        ("def add(a, b):\n    return " + "-" * 3900 + "a + b", False),
    ],
)
def test_a_function_is_read_and_never_run(answer: str, right: bool) -> None:
    assert check(FUNCTION, answer) == right


def test_any_answer_is_checked_in_a_moment() -> None:
    for question in QUESTIONS:
        for answer in ("(" * 30_000, "1 " * 15_000, "가" * 30_000, "\ud800" * 1000, "def add(a, b):\n" * 2000):
            check(question, answer)


def test_the_texts_are_many_enough_for_an_interval_and_all_different() -> None:
    assert len(set(TEXTS)) == len(TEXTS) >= 20
    assert all(60 < len(text) < 400 for text in TEXTS)
    assert any("가" <= character <= "힣" for text in TEXTS for character in text)
