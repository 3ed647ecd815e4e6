"""Better and worse answers in their six shapes, and answers with a label."""

from typing import Any

import pytest

from engine.rows.mapping import detection
from tests.engine.rows.judging import ANSWERED, BY_NAME, accepted, call_turn, rule, turns, values_and_repairs

BOTH: dict[str, Any] = {"prompt": turns("u:Q"), "chosen": turns("a:Good"), "rejected": turns("a:Bad")}
WITH_SYSTEM = {**BOTH, "prompt": turns("s:S", "u:Q")}
LONG = {**BOTH, "prompt": turns("u:A", "a:B", "u:Q")}
GPT = [{"from": "gpt", "value": "Good"}, {"from": "gpt", "value": "Bad"}]
GPT_Q = [{"from": "user", "value": "Q"}]
RANKED = [{"rank": 0, "completion": turns("a:Good")}, {"rank": 1, "completion": turns("a:Bad")}]
Q, SQ, GOOD, BAD = turns("u:Q"), turns("s:S", "u:Q"), turns("a:Good"), turns("a:Bad")
HUMAN = "\n\nHuman: Q\n\nAssistant: "
HH = "\n\nHuman: A\n\nAssistant: B\n\nHuman: Q\n\nAssistant: "


@pytest.mark.parametrize(
    ("row", "name", "values"),
    [
        ({"prompt": "Q", "chosen": "Good", "rejected": "Bad"}, "preference", BOTH),
        ({"question": "Q", "chosen": "Good", "rejected": "Bad", "system": "S"}, "preference", WITH_SYSTEM),
        ({**WITH_SYSTEM}, "preference", WITH_SYSTEM),
        ({"prompt": "Q", "chosen": turns("u:Q", "a:Good"), "rejected": turns("u:Q", "a:Bad")}, "preference", BOTH),
        ({"instruction": "Q", "chosen": "Good", "rejected": "Bad", "history": [["A", "B"]]}, "preference", LONG),
        (
            {"instruction": "A", "input": "B", "chosen": "Good", "rejected": "Bad"},
            "preference",
            {**BOTH, "prompt": turns("u:A\nB")},
        ),
        ({"chosen": [*SQ, *GOOD], "rejected": [*SQ, *BAD]}, "preference_implicit", WITH_SYSTEM),
        ({"chosen": [*Q, *GOOD], "rejected": [*Q, *BAD], "system": "S"}, "preference_implicit", WITH_SYSTEM),
        ({"chosen": HH + "Good", "rejected": HH + "Bad"}, "preference_implicit", LONG),
        ({"chosen_messages": [*Q, *GOOD], "rejected_messages": [*Q, *BAD]}, "preference_implicit", BOTH),
        ({"chosen_conversations": [*Q, *GOOD], "rejected_conversations": [*Q, *BAD]}, "preference_implicit", BOTH),
        ({"prompt_messages": Q, "chosen_messages": GOOD, "rejected_messages": BAD}, "preference", BOTH),
        ({"chosen": {"messages": [*Q, *GOOD]}, "rejected": {"messages": [*Q, *BAD]}}, "preference_implicit", BOTH),
        ({"input": {"messages": Q}, "preferred_output": GOOD, "non_preferred_output": BAD}, "preference_openai", BOTH),
        ({"input": "Q", "preferred_output": "Good", "non_preferred_output": "Bad"}, "preference", BOTH),
        ({"trajectory": GPT_Q, "chosen": "Good", "rejected": "Bad"}, "preference_chat", BOTH),
        ({"context": Q, "completions": RANKED}, "preference_ranked", BOTH),
        (
            {"conversations": [{"from": "human", "value": "Q"}], "chosen": GPT[0], "rejected": GPT[1]},
            "preference_chat",
            BOTH,
        ),
        (
            {"messages": [*Q, *GOOD], "prompt": "Q", "chosen": [*Q, *GOOD], "rejected": [*Q, *BAD]},
            "preference_chat",
            {**BOTH, "extra": {"prompt": "Q"}},
        ),
        ({"messages": turns("u:Q", "a:Good"), "rejected_response": "Bad"}, "preference_rejected", BOTH),
        ({"messages": turns("u:Q", "a:Good"), "rejected_messages": turns("u:Q", "a:Bad")}, "preference_rejected", BOTH),
        ({"messages": turns("u:Q", "a:Good"), "rejected_messages": turns("a:Bad")}, "preference_rejected", BOTH),
        ({"query": "Q", "response": "Good", "rejected_response": "Bad"}, "preference_rejected", BOTH),
        ({"instruction": "Q", "chosen_response": "Good", "rejected_response": "Bad"}, "preference_argilla", BOTH),
        (
            {"prompt": "Q", "answers": [{"answer": a, "rank": r} for a, r in (("Bad", 3), ("So", 2.0), ("Good", "1"))]},
            "preference_ranked",
            BOTH,
        ),
        (
            {"prompt": HUMAN, "answers": [{"answer": "Bad", "rank": 7}, {"answer": "Good", "rank": 1}]},
            "preference_ranked",
            BOTH,
        ),
        (
            {"instruction": "Q", "completions": [{"response": "Good", "score": 9}, {"response": "Bad", "score": 2}]},
            "preference_ranked",
            BOTH,
        ),
    ],
)  # fmt: skip
def test_what_a_preference_becomes(row: dict[str, Any], name: str, values: dict[str, Any]) -> None:
    row_format = detection.format_of(row)
    assert row_format is not None
    assert row_format.name == name
    assert values_and_repairs(row) == (values, set())


def test_the_words_two_texts_begin_with_are_the_prompt() -> None:
    row = {"chosen": "What is it? A cat.", "rejected": "What is it? A car."}
    values = {"prompt": turns("u:What is it? A"), "chosen": turns("a:cat."), "rejected": turns("a:car.")}
    assert values_and_repairs(row) == (values, {"common_beginning"})
    assert rule({"chosen": "Yes", "rejected": "No"}) == "no_prompt"


def test_an_answer_of_a_preference_may_call_a_tool() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    values = accepted({"prompt": "Q", "chosen": [call_turn(x=1)], "rejected": [ANSWERED], "tools": tools})
    assert values == {"prompt": turns("u:Q"), "chosen": [call_turn(x=1)], "rejected": [ANSWERED], "tools": tools}


@pytest.mark.parametrize(
    ("row", "broken"),
    [
        ({"prompt": "Q", "chosen": "A", "rejected": "A"}, "same_answers"),
        ({"chosen": "A b", "rejected": "A b"}, "same_answers"),
        ({"messages": turns("u:Q", "a:A"), "rejected_response": "A"}, "same_answers"),
        ({"prompt": "Q", "chosen": "A", "rejected": " "}, "empty_answer"),
        ({"prompt": "Q", "chosen": {"a": 1}, "rejected": "A"}, "not_a_turn"),
        ({"chosen": turns("u:Q", "a:A"), "rejected": turns("u:Other", "a:B")}, "no_turns"),
        ({"chosen": turns("u:Q", "a:A", "u:B", "a:C"), "rejected": turns("u:Q", "a:A", "u:D", "a:C")}, "no_question"),
        ({"conversations": turns("u:Q", "a:A"), "chosen": "B", "rejected": "C"}, "no_question"),
        ({"prompt": "Q", "answers": [{"answer": "A", "rank": 1}]}, "no_ranks"),
        ({"prompt": "Q", "answers": [{"answer": "A", "rank": 1}, {"answer": "B", "rank": 1}]}, "no_ranks"),
        ({"prompt": "Q", "answers": [{"answer": "A", "rank": 1}, {"answer": "B", "rank": "x"}]}, "no_ranks"),
        ({"prompt": "Q", "answers": [{"answer": "A", "rank": 1}, "B"]}, "no_ranks"),
    ],
)  # fmt: skip
def test_why_a_preference_is_not_taken(row: Any, broken: str) -> None:
    assert rule(row) == broken


@pytest.mark.parametrize(
    ("label", "said"),
    [(label, True) for label in (True, "true", "True", 1, 1.0, "1", "yes")]
    + [(label, False) for label in (False, "FALSE", 0, -1, "0", " no ")],
)
@pytest.mark.parametrize("column", ["label", "kto_tag"])
def test_a_label_however_it_is_written(label: Any, said: bool, column: str) -> None:
    values = {"prompt": turns("u:Q"), "completion": turns("a:A"), "label": said}
    for row in (
        {"messages": turns("u:Q", "a:A")},
        {"prompt": "Q", "completion": "A"},
        {"query": "Q", "response": turns("a:A")},
    ):
        assert values_and_repairs({**row, column: label}) == (values, set())


def test_the_prompt_of_a_labelled_chat_is_all_before_its_last_answer() -> None:
    row = {"messages": turns("s:S", "u:A", "a:B", "u:C", "a:D"), "label": True, "id": 4}
    values = accepted(row)
    assert (values["prompt"], values["completion"]) == (turns("s:S", "u:A", "a:B", "u:C"), turns("a:D"))
    assert values["extra"] == {"id": 4}


def test_a_label_that_is_a_class_is_no_label() -> None:
    assert detection.format_of({"messages": turns("u:Q", "a:A"), "label": "sports"}) is BY_NAME["messages"]
    assert rule({"messages": turns("u:Q", "a:A"), "label": None}, BY_NAME["unpaired"]) == "not_a_label"
    assert rule({"messages": turns("u:Q"), "label": 1}, BY_NAME["unpaired"]) == "no_answer"


def test_a_side_that_is_missing_is_named() -> None:
    assert rule({"prompt": "Q", "chosen": None, "rejected": "A"}, BY_NAME["preference"]) == "empty_answer"


def test_what_stands_beside_the_chat_in_openais_input_is_kept() -> None:
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    held = {"messages": turns("u:Q"), "tools": [tool], "parallel_tool_calls": True}
    row = {"input": held, "preferred_output": GOOD, "non_preferred_output": BAD, "id": 7}
    values = accepted(row)
    assert values["tools"] == [tool]
    assert values["extra"] == {"input": {"parallel_tool_calls": True}, "id": 7}
