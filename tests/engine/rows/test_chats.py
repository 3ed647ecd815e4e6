"""Chats, in every way people write their turns: roles, parts, tools, thoughts, flags; what is repaired and refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.rows.mapping import detection
from tests.engine.rows.judging import (
    ANSWERED,
    ASKED,
    BY_NAME,
    accepted,
    call_turn,
    chat,
    rule,
    stored,
    values_and_repairs,
)

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}}


def messages(*turns: dict[str, Any], **beside: Any) -> dict[str, Any]:
    return {"messages": list(turns), **beside}


@pytest.mark.parametrize(
    ("row", "name", "values"),
    [
        (chat("u:Hi", "a:Hello"), "messages", chat("u:Hi", "a:Hello")),
        ({"conversations": [ASKED, ANSWERED], "system": "Be nice"}, "messages", chat("s:Be nice", "u:Hi", "a:Hello")),
        (messages({"role": "developer", "content": "S"}, ASKED, ANSWERED), "messages", chat("s:S", "u:Hi", "a:Hello")),
        (messages({"role": "USER", "content": "Hi"}, ANSWERED), "messages", chat("u:Hi", "a:Hello")),
        (
            messages({"role": "user", "content": ["Hi", {"type": "text", "text": "you"}]}, ANSWERED),
            "messages",
            chat("u:Hi\nyou", "a:Hello"),
        ),
        (
            messages({"role": "user", "content": [{"type": "text", "value": "Hi"}]}, ANSWERED),
            "messages",
            chat("u:Hi", "a:Hello"),
        ),
        ({"messages": json.dumps([ASKED, ANSWERED])}, "messages", chat("u:Hi", "a:Hello")),
        (
            {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]},
            "sharegpt",
            chat("u:Hi", "a:Hello"),
        ),
        ({"conversations": [{"from": "human", "value": "Hi"}, ANSWERED]}, "sharegpt", chat("u:Hi", "a:Hello")),
        ({"conversation": [{"human": "Hi", "assistant": "Hello"}]}, "exchanges", chat("u:Hi", "a:Hello")),
        (
            messages(ASKED, ANSWERED, tools=[], id="7"),
            "messages",
            {**chat("u:Hi", "a:Hello"), "extra": {"id": "7"}},
        ),
        (messages(ASKED, {**ANSWERED, "train": True, "weight": None}), "messages", chat("u:Hi", "a:Hello")),
        (
            messages(ASKED, {**ANSWERED, "weight": 0}, ASKED, ANSWERED),
            "messages",
            chat("u:Hi", "a-:Hello", "u:Hi", "a:Hello"),
        ),
        (
            messages({**ASKED, "loss": False}, {**ANSWERED, "loss": "false"}, ASKED, {**ANSWERED, "loss": True}),
            "messages",
            chat("u:Hi", "a-:Hello", "u:Hi", "a:Hello"),
        ),
    ],
)  # fmt: skip
def test_what_a_chat_becomes(row: dict[str, Any], name: str, values: dict[str, Any]) -> None:
    row_format = detection.format_of(row)
    assert row_format is not None
    assert row_format.name == name
    assert values_and_repairs(row, row_format) == (values, set())


@pytest.mark.parametrize(
    "arguments", [{"x": 1}, '{"x": 1}', json.dumps('{"x": 1}')], ids=["object", "text", "text in text"]
)
def test_calls_of_tools_are_read_however_they_are_written(arguments: Any, tmp_path: Path) -> None:
    call = {"name": "f", "arguments": arguments}
    calling: list[dict[str, Any]] = [
        {"role": "assistant", "content": None, "tool_calls": [{"type": "function", "function": call}]},
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "assistant", "tool_calls": [{"name": "f", "parameters": arguments}]},
        {"role": "tool_call", "content": json.dumps(call)},
        {"from": "function_call", "value": json.dumps([call])},
        {"role": "assistant", "content": [{"type": "tool_call", "value": json.dumps(call)}]},
    ]  # fmt: skip
    for turn in calling:
        values, repairs = values_and_repairs(messages(ASKED, turn), BY_NAME["messages"])
        assert (values["messages"], repairs) == ([ASKED, call_turn(x=1)], set())
        assert stored(tmp_path / "rows", "chat", values) == values


def test_a_chat_with_a_tool_from_question_to_answer() -> None:
    result = {"role": "tool", "content": "", "tool_call_id": "1", "name": "f"}
    row = messages(ASKED, {"role": "assistant", "content": "See", "tool_calls": [CALL]}, result, ANSWERED, tools=[TOOL])
    values = accepted(row)
    assert values["messages"] == [
        ASKED,
        {"role": "assistant", "content": "See", "tool_calls": [CALL]},
        result,
        ANSWERED,
    ]
    assert values["tools"] == [TOOL]
    assert accepted({**row, "tools": json.dumps([TOOL["function"]])}) == values
    assert accepted({**row, "tools": [json.dumps(TOOL)]}) == values
    assert accepted({**row, "tools": None, "functions": [TOOL]}) == values
    anthropic = {"name": "f", "input_schema": {"type": "object"}}
    assert accepted({**row, "tools": [anthropic]}) == values
    answered_by_function = messages(ASKED, call_turn(x=1), {"role": "function", "name": "f", "content": "4"}, ANSWERED)
    assert accepted(answered_by_function)["messages"][2] == {"role": "tool", "content": "4", "name": "f"}


def test_sharegpt_writes_a_call_as_a_turn_of_its_own() -> None:
    row = {
        "conversations": [
            {"from": "human", "value": "Hi"},
            {"from": "gpt", "value": "Let me see."},
            {"from": "function_call", "value": '{"name": "f", "arguments": {"x": 1}}'},
            {"from": "function_call", "value": '{"name": "g", "arguments": "{}"}'},
            {"from": "observation", "value": '{"y": 2}'},
            {"from": "observation", "value": "3"},
            {"from": "gpt", "value": "Hello"},
        ],
        "tools": '[{"name": "f"}]',
    }
    values, repairs = values_and_repairs(row)
    assert not repairs
    first, second = call_turn(x=1)["tool_calls"] + call_turn("g")["tool_calls"], {"role": "tool", "content": "3"}
    asking = {"role": "assistant", "content": "Let me see.", "tool_calls": first}
    assert values["messages"] == [ASKED, asking, {"role": "tool", "content": '{"y": 2}'}, second, ANSWERED]
    assert values["tools"] == [{"type": "function", "function": {"name": "f"}}]


def test_blocks_of_anthropic() -> None:
    call = {"type": "tool_use", "id": "1", "name": "f", "input": {"x": 1}}
    thought = {"type": "thinking", "thinking": "Hm", "signature": "x"}
    result = {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "4"}]}
    row = messages(
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": [thought, {"type": "redacted_thinking", "data": "x"}, call]},
        {"role": "user", "content": [result, {"type": "text", "text": "And?"}]},
        ANSWERED,
    )
    values, repairs = values_and_repairs(row)
    assert repairs == {"thoughts_in_answer", "left_out_hidden_thoughts"}
    asking = {"role": "assistant", "content": "<think>\nHm\n</think>\n\n", "tool_calls": [CALL]}
    rest = [{"role": "tool", "content": "4", "tool_call_id": "1"}, {"role": "user", "content": "And?"}, ANSWERED]
    assert values["messages"] == [ASKED, asking, *rest]


@pytest.mark.parametrize(
    ("row", "repair", "values"),
    [
        (chat("u:A", "u:B", "a:C"), "merged_turns", chat("u:A\n\nB", "a:C")),
        (chat("u:A", "a:B", "a:C", "a:D"), "merged_turns", chat("u:A", "a:B\n\nC\n\nD")),
        (chat("u:A", "a:B", "u:C"), "dropped_last_question", chat("u:A", "a:B")),
        (chat("u:A", "a: ", "a:B"), "dropped_empty_turn", chat("u:A", "a:B")),
        (chat("a:A", "u:B", "a:C"), "greeting_is_context", chat("a-:A", "u:B", "a:C")),
        (chat("s:S", "a:A", "u:B", "a:C"), "greeting_is_context", chat("s:S", "a-:A", "u:B", "a:C")),
        (
            messages(ASKED, {"role": "assistant", "content": None}, ANSWERED),
            "dropped_empty_turn",
            chat("u:Hi", "a:Hello"),
        ),
        (messages(ASKED, {**ANSWERED, "weight": 0.5}), "weights_on_or_off", chat("u:Hi", "a:Hello")),
        (messages({**ASKED, "train": True}, ANSWERED), "flag_of_no_answer", chat("u:Hi", "a:Hello")),
        (
            messages(ASKED, ANSWERED, tools="hammer"),
            "left_out_tools",
            {**chat("u:Hi", "a:Hello"), "extra": {"tools": "hammer"}},
        ),
        (
            messages(ASKED, {**ANSWERED, "reasoning_content": "Greet"}),
            "thoughts_in_answer",
            chat("u:Hi", "a:<think>\nGreet\n</think>\n\nHello"),
        ),
        (
            messages(ASKED, call_turn(), {"role": "tool", "content": {"y": 2}}, ANSWERED),
            "object_as_json",
            messages(ASKED, call_turn(), {"role": "tool", "content": '{"y":2}'}, ANSWERED),
        ),
        (
            messages(ASKED, call_turn(), {"role": "tool", "content": "4"}),
            "dropped_last_question",
            messages(ASKED, call_turn()),
        ),
    ],
)  # fmt: skip
def test_safe_repairs_are_made_and_named(row: dict[str, Any], repair: str, values: dict[str, Any]) -> None:
    assert values_and_repairs(row, BY_NAME["messages"]) == (values, {repair})


@pytest.mark.parametrize(
    ("row", "broken"),
    [
        ({"messages": []}, "no_turns"),
        ({"messages": "never"}, "not_a_turn"),
        (messages(ASKED, {"speaker": "x"}), "unknown_role"),
        (messages(ASKED, {"who": "x"}), "not_a_turn"),
        ({"messages": [ASKED, "Hello"]}, "not_a_turn"),
        ({"conversation": [{"human": "Hi", "assistant": "Hello"}, {"human": "Hi"}]}, "not_a_turn"),
        (messages(ASKED, {"role": "narrator", "content": "x"}), "unknown_role"),
        (messages(ASKED, {"role": 7, "content": "x"}), "unknown_role"),
        (chat("u:A"), "no_answer"),
        (chat("u:A", "a: "), "no_answer"),
        (chat("s:S"), "no_answer"),
        (chat("s:S", "a:A"), "starts_with_answer"),
        (chat("u:A", "s:S", "a:B"), "late_system"),
        (chat("u:A", "t:B", "a:C"), "stray_result"),
        (messages(ASKED, {**ANSWERED, "tool_calls": [{"id": "1"}]}), "not_a_call"),
        (messages(ASKED, {**ANSWERED, "tool_calls": [{"name": "f", "arguments": [1]}]}), "not_a_call"),
        (messages(ASKED, {**ANSWERED, "tool_calls": [{"name": "f", "arguments": "{x"}]}), "not_a_call"),
        (messages(ASKED, {"role": "function_call", "content": ""}), "not_a_call"),
        (messages({"role": "user", "content": [{"type": "tool_use", "name": "f"}]}, ANSWERED), "not_a_call"),
        (messages(ASKED, call_turn(), tools="hammer"), "not_tools"),
        (messages({"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}), "not_text_part"),
        (messages({"role": "user", "content": [{"type": "text"}]}), "not_text_part"),
        (messages({"role": "user", "content": {"a": 1}}), "not_text"),
        (messages(ASKED, {**ANSWERED, "loss_weight": 0.0}), "nothing_to_learn"),
        (messages(ASKED, {**ANSWERED, "train": False}), "nothing_to_learn"),
        (messages(ANSWERED, ASKED, {**ANSWERED, "train": False}), "nothing_to_learn"),
    ],
)  # fmt: skip
def test_why_a_chat_is_not_taken(row: Any, broken: str) -> None:
    assert rule(row, BY_NAME["messages"]) == broken


def test_results_inside_results_are_refused_however_deep_they_are() -> None:
    block: dict[str, Any] = {"type": "tool_result", "content": "x"}
    for _ in range(900):
        block = {"type": "tool_result", "content": [block]}
    assert rule(messages({"role": "user", "content": [block]}, ANSWERED)) == "not_text_part"


def test_a_long_run_of_one_role_is_joined_once() -> None:
    many = [{"role": "function_call", "content": '{"name": "f"}'}] * 3000
    values = accepted(messages(ASKED, *many))
    assert len(values["messages"][1]["tool_calls"]) == 3000
    assert len(accepted(messages(*[ASKED] * 3000, ANSWERED))["messages"]) == 2


def test_chats_as_gemini_writes_them_are_read() -> None:
    row = {
        "systemInstruction": {"role": "system", "parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Ho"}]}],
    }
    assert accepted(row)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Ho"},
    ]
