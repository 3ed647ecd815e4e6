"""Every way people write a row: which format it is taken for, what it becomes, and why it is not taken."""

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data import columnar, formats
from engine.data.verdict import REPAIRS, RULES, Format, Rejection

BY_NAME = {one.name: one for one in formats.FORMATS}
CHAT = BY_NAME["messages"]
ASKED = {"role": "user", "content": "Hi"}
ANSWERED = {"role": "assistant", "content": "Hello"}


def judged(row: Any, mostly: Format | None = None) -> formats.Accepted | Rejection:
    return formats.judge(row, mostly or formats.format_of(row) or CHAT)


def accepted(row: Any, mostly: Format | None = None) -> dict[str, Any]:
    verdict = judged(row, mostly)
    assert isinstance(verdict, formats.Accepted), verdict
    return verdict.values


def rule(row: Any, mostly: Format | None = None) -> str:
    verdict = judged(row, mostly)
    assert isinstance(verdict, Rejection), verdict
    assert verdict.fix == RULES[verdict.rule]
    return verdict.rule


def chat(*turns: str) -> dict[str, Any]:
    """u:Hi a:Hello -> a row of messages."""
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return {"messages": [{"role": roles[turn[0]], "content": turn[2:]} for turn in turns]}


@pytest.mark.parametrize("one", formats.FORMATS, ids=lambda one: one.name)
def test_a_formats_own_example_is_read_by_it(one: Format) -> None:
    assert formats.format_of(one.example) is one
    assert set(accepted(one.example)) == set(columnar.SCHEMAS[one.kind].names) - {"row"}


@pytest.mark.parametrize(
    ("row", "name", "values"),
    [
        (chat("u:Hi", "a:Hello"), "messages", chat("u:Hi", "a:Hello")),
        ({"conversations": [ASKED, ANSWERED], "system": "Be nice"}, "messages", chat("s:Be nice", "u:Hi", "a:Hello")),
        (
            {"messages": [{"role": "developer", "content": "Short"}, ASKED, ANSWERED]},
            "messages",
            chat("s:Short", "u:Hi", "a:Hello"),
        ),
        (
            {"messages": [{"role": "user", "content": ["Hi", {"type": "text", "text": "you"}]}, ANSWERED]},
            "messages",
            chat("u:Hi\nyou", "a:Hello"),
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "value": "Hi"}]}, ANSWERED]},
            "messages",
            chat("u:Hi", "a:Hello"),
        ),
        (
            {"messages": '[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]'},
            "messages",
            chat("u:Hi", "a:Hello"),
        ),
        (
            {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
            "sharegpt",
            chat("u:Hi", "a:Hello"),
        ),
        (
            {"conversations": [{"from": "human", "value": "Hi"}, ANSWERED]},
            "sharegpt",
            chat("u:Hi", "a:Hello"),
        ),
        ({"conversation": [{"human": "Hi", "assistant": "Hello"}]}, "exchanges", chat("u:Hi", "a:Hello")),
        ({"instruction": "Add", "input": "1 2", "output": "3"}, "alpaca", chat("u:Add\n1 2", "a:3")),
        ({"instruction": "Add", "input": "", "output": "3"}, "alpaca", chat("u:Add", "a:3")),
        ({"instruction": "", "input": "1 + 2", "output": "3"}, "alpaca", chat("u:1 + 2", "a:3")),
        ({"instruction": "Why", "context": "Rain", "response": "Wet"}, "alpaca", chat("u:Why\nRain", "a:Wet")),
        (
            {"instruction": "C", "output": "D", "system": "S", "history": [["A", "B"]]},
            "alpaca",
            chat("s:S", "u:A", "a:B", "u:C", "a:D"),
        ),
        ({"query": "C", "response": "D", "history": '[["A", "B"]]'}, "alpaca", chat("u:A", "a:B", "u:C", "a:D")),
        ({"instruction": "C", "output": "D", "history": None, "system": None}, "alpaca", chat("u:C", "a:D")),
        ({"prompt": "P", "completion": "C"}, "prompt_completion", {"prompt": "P", "completion": "C"}),
        ({"query": "P", "response": "C"}, "prompt_completion", {"prompt": "P", "completion": "C"}),
        ({"question": "P", "answer": "C"}, "prompt_completion", {"prompt": "P", "completion": "C"}),
        ({"input": "P", "output": "C"}, "prompt_completion", {"prompt": "P", "completion": "C"}),
        ({"text": "T", "url": "x"}, "text", {"text": "T"}),
        ({"content": "T"}, "text", {"text": "T"}),
    ],
)  # fmt: skip
def test_what_a_row_becomes(row: dict[str, Any], name: str, values: dict[str, Any]) -> None:
    found = formats.format_of(row)
    assert found is not None
    assert found.name == name
    verdict = judged(row)
    assert isinstance(verdict, formats.Accepted)
    assert verdict.values == values
    assert verdict.repairs == frozenset()


@pytest.mark.parametrize(
    ("row", "repair", "values"),
    [
        (chat("u:A", "u:B", "a:C"), "merged_turns", chat("u:A\n\nB", "a:C")),
        (chat("u:A", "a:B", "a:C", "a:D"), "merged_turns", chat("u:A", "a:B\n\nC\n\nD")),
        (chat("u:A", "a:B", "u:C"), "dropped_last_question", chat("u:A", "a:B")),
        (chat("u:A", "a: ", "a:B"), "dropped_empty_turn", chat("u:A", "a:B")),
        (
            {"messages": [ASKED, {"role": "assistant", "content": None}, ANSWERED]},
            "dropped_empty_turn",
            chat("u:Hi", "a:Hello"),
        ),
        ({"prompt": "2 + 2", "completion": 4}, "number_as_text", {"prompt": "2 + 2", "completion": "4"}),
        ({"text": "a\x00b"}, "removed_nul", {"text": "ab"}),
        ({"messages": [ASKED, ANSWERED], "tools": [{"name": "f"}]}, "left_out_tools", chat("u:Hi", "a:Hello")),
        (
            {"messages": [ASKED, {**ANSWERED, "reasoning_content": "Greet"}]},
            "thoughts_in_answer",
            chat("u:Hi", "a:<think>\nGreet\n</think>\n\nHello"),
        ),
    ],
)  # fmt: skip
def test_safe_repairs_are_made_and_named(row: dict[str, Any], repair: str, values: dict[str, Any]) -> None:
    verdict = judged(row)
    assert isinstance(verdict, formats.Accepted)
    assert (verdict.values, verdict.repairs) == (values, frozenset([repair]))
    assert repair in REPAIRS


@pytest.mark.parametrize(
    ("row", "broken"),
    [
        ("text", "not_an_object"),
        ([1], "not_an_object"),
        (None, "not_an_object"),
        ({"x": 1}, "unknown_columns"),
        ({}, "unknown_columns"),
        ({"messages": []}, "no_turns"),
        ({"messages": [ASKED, "Hello"]}, "not_a_turn"),
        ({"messages": [ASKED, {"speaker": "x"}]}, "not_a_turn"),
        ({"conversation": [{"human": "Hi", "assistant": "Hello"}, {"human": "Hi"}]}, "not_a_turn"),
        ({"messages": [ASKED, {"role": "narrator", "content": "x"}]}, "unknown_role"),
        ({"messages": [ASKED, {"role": 7, "content": "x"}]}, "unknown_role"),
        (chat("u:A"), "no_answer"),
        (chat("u:A", "a: "), "no_answer"),
        (chat("s:S"), "no_answer"),
        (chat("a:A", "u:B", "a:C"), "starts_with_answer"),
        (chat("s:S", "a:A"), "starts_with_answer"),
        (chat("u:A", "s:S", "a:B"), "late_system"),
        ({"messages": [ASKED, {**ANSWERED, "tool_calls": [{"id": "1"}]}]}, "tool_calls"),
        ({"messages": [ASKED, {"role": "tool", "content": "x"}]}, "tool_calls"),
        ({"conversations": [{"from": "human", "value": "x"}, {"from": "function_call", "value": "{}"}]}, "tool_calls"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}, "not_text_part"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "not_text_part"),
        ({"messages": [{"role": "user", "content": {"a": 1}}]}, "not_text"),
        ({"messages": [ASKED, {**ANSWERED, "loss_weight": 0.0}]}, "untrained_turn"),
        ({"messages": [ASKED, {**ANSWERED, "train": False}]}, "untrained_turn"),
        ({"instruction": "", "output": "x"}, "empty_question"),
        ({"instruction": "x", "output": " "}, "empty_answer"),
        ({"instruction": "x", "output": "y", "history": "never"}, "not_a_turn"),
        ({"instruction": "x", "output": "y", "history": [["only one"]]}, "not_a_turn"),
        ({"prompt": "x", "completion": ""}, "empty_answer"),
        ({"prompt": None, "completion": "x"}, "empty_question"),
        ({"prompt": "x", "completion": True}, "not_text"),
        ({"prompt": "x", "completion": "\ud800"}, "broken_text"),
        ({"text": "\n"}, "empty_text"),
        ({"prompt": "x", "chosen": "a", "rejected": "b"}, "preference"),
        ({"messages": [ASKED, ANSWERED], "rejected_response": "b"}, "preference"),
        ({"messages": [ASKED, ANSWERED], "label": False}, "unpaired"),
        ({"prompt": "x", "completion": "y", "kto_tag": "true"}, "unpaired"),
        ({"prompt": "x", "completions": ["y"], "labels": [True]}, "stepwise"),
    ],
)  # fmt: skip
def test_why_a_row_is_not_taken(row: Any, broken: str) -> None:
    assert rule(row) == broken


def test_rows_of_another_format_are_taken_when_they_can_become_the_same_kind() -> None:
    assert accepted({"question": "Hi", "answer": "Hello"}, CHAT) == chat("u:Hi", "a:Hello")
    assert accepted({"instruction": "Hi", "output": "Hello"}, CHAT) == chat("u:Hi", "a:Hello")
    assert rule({"text": "Hi"}, CHAT) == "other_kind"
    assert rule(chat("u:Hi", "a:Hello"), BY_NAME["text"]) == "other_kind"


def test_an_input_is_not_lost_in_a_file_of_questions_and_answers() -> None:
    row = {"instruction": "Add", "input": "1 2", "output": "3"}
    assert rule(row, BY_NAME["prompt_completion"]) == "other_kind"


def test_a_label_that_is_no_verdict_leaves_plain_text_alone() -> None:
    assert accepted({"text": "A film", "label": 1}) == {"text": "A film"}


def test_a_file_is_in_the_format_of_most_of_its_rows() -> None:
    rows = [{"text": "x"}, {"question": "a", "answer": "b"}, {"question": "c", "answer": "d"}, "broken"]
    found = formats.detect(rows)
    assert found is not None
    assert found.name == "prompt_completion"
    assert formats.detect([{"a": 1}, 7, {"chosen": "x", "rejected": "y"}]) is None


def test_a_rejection_shows_the_value_cut_to_what_fits_on_a_screen() -> None:
    verdict = judged({"prompt": "x", "completion": ["y" * 5000]})
    assert isinstance(verdict, Rejection)
    assert len(verdict.value) <= 200
    assert "yyy" in verdict.value
    assert Rejection("broken_text", "a\ud800").value == "a\\ud800"


KEYS = st.sampled_from(["role", "content", "from", "value", "type", "text", "human", "assistant"])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20) | st.just("user")
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
COLUMNS = ["messages", "conversations", "instruction", "input", "output", "history", "system", "tools", "prompt"]
COLUMNS += ["completion", "text", "label", "chosen", "rejected", "labels", "completions", *string.ascii_lowercase[:2]]
ROWS = st.dictionaries(st.sampled_from(COLUMNS), VALUES, max_size=5) | VALUES


@settings(max_examples=200, deadline=None)
@given(st.lists(ROWS, max_size=6), st.sampled_from(formats.FORMATS))
def test_every_row_there_could_be_gets_a_verdict(rows: list[Any], mostly: Format) -> None:
    formats.detect(rows)
    formats.columns_of(rows)
    for row in rows:
        verdict = formats.judge(row, mostly)
        if isinstance(verdict, Rejection):
            assert verdict.fix
            verdict.value.encode()
        else:
            assert set(verdict.values) == set(columnar.SCHEMAS[mostly.kind].names) - {"row"}
            assert _texts(verdict.values)


def _texts(values: dict[str, Any]) -> bool:
    turns = values.get("messages")
    texts = [turn["content"] for turn in turns] if turns is not None else list(values.values())
    return bool(texts) and all(isinstance(text, str) and text.strip() and text.encode() for text in texts)
