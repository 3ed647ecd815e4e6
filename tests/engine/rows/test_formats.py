"""Every way people write a row: which format it is taken for, and what is made of files and rows that are mixed."""

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RefusedError
from engine.rows.kinds import row_parts
from engine.rows.mapping import detection
from engine.rows.readers import choose
from engine.rows.readers.source import Source
from engine.rows.store import columnar
from engine.rows.turns.role_names import words
from engine.rows.verdict import Format, Rejection
from tests.engine.rows.judging import (
    ANSWERED,
    ASKED,
    BY_NAME,
    CHAT,
    accepted,
    chat,
    rule,
    stored,
    turns,
    values_and_repairs,
    verdict_on,
)


@pytest.mark.parametrize("row_format", detection.FORMATS, ids=lambda row_format: row_format.name)
def test_a_formats_own_example_is_read_by_it_and_kept(row_format: Format, tmp_path: Path) -> None:
    assert detection.format_of(row_format.example) is row_format or row_format.by_file
    values = accepted(row_format.example, row_format)
    assert set(values) - {"tools", "extra"} == set(columnar.SCHEMAS[row_format.kind].names) - {"tools", "extra", "row"}
    assert stored(tmp_path / "rows", row_format.kind, values) == values
    assert set(detection.parts_of(row_format.example, row_format)) <= set(row_parts.PARTS[row_format.kind])


@pytest.mark.parametrize(
    ("row", "name", "values"),
    [
        ({"instruction": "Add", "input": "1 2", "output": "3"}, "alpaca", chat("u:Add\n1 2", "a:3")),
        ({"instruction": "Add", "input": "", "output": "3"}, "alpaca", chat("u:Add", "a:3")),
        ({"instruction": "Why", "context": "Rain", "response": "Wet"}, "alpaca", chat("u:Why\nRain", "a:Wet")),
        ({"question": "Why", "context": "Rain", "answer": "Wet"}, "alpaca", chat("u:Why\nRain", "a:Wet")),
        (
            {"instruction": "C", "output": "D", "system": "S", "history": [["A", "B"]]},
            "alpaca",
            chat("s:S", "u:A", "a:B", "u:C", "a:D"),
        ),
        ({"query": "C", "response": "D", "history": '[["A", "B"]]'}, "alpaca", chat("u:A", "a:B", "u:C", "a:D")),
        ({"query": "C", "response": "D", "history": turns("u:A", "a:B")}, "alpaca", chat("u:A", "a:B", "u:C", "a:D")),
        ({"instruction": "C", "output": "D", "history": None, "system": None}, "alpaca", chat("u:C", "a:D")),
        ({"system_prompt": "S", "question": "C", "response": "[D"}, "alpaca", chat("s:S", "u:C", "a:[D")),
        ({"instruction": "[1]", "output": "{}"}, "alpaca", chat("u:[1]", "a:{}")),
        (
            {"prompt": turns("u:A", "a:B", "u:C"), "completion": [{"role": "assistant", "content": "D"}]},
            "prompt_completion_turns",
            chat("u:A", "a-:B", "u:C", "a:D"),
        ),
        ({"prompt": turns("s:S", "u:A"), "completion": "B"}, "prompt_completion_turns", chat("s:S", "u:A", "a:B")),
        ({"prompt": "P", "completion": "C"}, "prompt_completion", {"prompt": "P", "completion": "C"}),
        ({"query": "P", "response": "C"}, "prompt_completion", {"prompt": "P", "completion": "C"}),
        ({"Question": "P", "Answer": "C"}, "prompt_completion", {"prompt": "P", "completion": "C"}),
        ({"input": "P", "output": "C"}, "prompt_completion", {"prompt": "P", "completion": "C"}),
        ({"problem": "P", "Canonical Solution": "C"}, "prompt_completion", {"prompt": "P", "completion": "C"}),
        ({"question": "P", "text": "C"}, "prompt_completion", {"prompt": "P", "completion": "C"}),
        ({"text": "T", "url": "x", "n": 0, "empty": ""}, "text", {"text": "T", "extra": {"url": "x", "n": 0}}),
        ({"content": "T"}, "text", {"text": "T"}),
        ({"text": "A film", "label": 1}, "text", {"text": "A film", "extra": {"label": 1}}),
        ({"prompt": "P", "truth": "4"}, "prompt", {"prompt": turns("u:P"), "extra": {"truth": "4"}}),
        ({"prompt": turns("s:S", "u:P")}, "prompt", {"prompt": turns("s:S", "u:P")}),
        (
            {"prompt": "P", "completions": ["A", "B"], "labels": [1, "false"]},
            "stepwise",
            {"prompt": "P", "completions": ["A", "B"], "labels": [True, False]},
        ),
    ],
)  # fmt: skip
def test_what_a_row_becomes(row: dict[str, Any], name: str, values: dict[str, Any]) -> None:
    row_format = detection.format_of(row)
    assert row_format is not None
    assert row_format.name == name
    assert values_and_repairs(row) == (values, set())


@pytest.mark.parametrize(
    ("row", "repair", "values"),
    [
        ({"prompt": "2 + 2", "completion": 4}, "number_as_text", {"prompt": "2 + 2", "completion": "4"}),
        ({"text": "a\x00b"}, "removed_nul", {"text": "ab"}),
    ],
)
def test_safe_repairs_of_texts_are_made_and_named(row: dict[str, Any], repair: str, values: dict[str, Any]) -> None:
    assert values_and_repairs(row) == (values, {repair})


@pytest.mark.parametrize(
    ("row", "broken"),
    [
        ("text", "not_an_object"),
        (None, "not_an_object"),
        ({"x": 1}, "unknown_columns"),
        ({}, "unknown_columns"),
        ({"instruction": "", "output": "x"}, "empty_question"),
        ({"instruction": "x", "output": " "}, "empty_answer"),
        ({"instruction": "x", "output": "y", "history": "never"}, "not_a_turn"),
        ({"instruction": "x", "output": "y", "history": [["only one"]]}, "not_a_turn"),
        ({"prompt": "x", "completion": ""}, "empty_answer"),
        ({"prompt": None, "completion": "x"}, "empty_question"),
        ({"prompt": "x", "completion": True}, "not_text"),
        ({"prompt": "x", "completion": 10**5000}, "not_text"),
        ({"prompt": "x", "completion": "\ud800"}, "broken_text"),
        ({"text": "\n"}, "empty_text"),
        ({"prompt": "x", "completions": ["y"], "labels": [True, True]}, "not_steps"),
        ({"prompt": "x", "completions": ["y"], "labels": ["maybe"]}, "not_a_label"),
        ({"prompt": "x", "completions": [""], "labels": [1]}, "empty_answer"),
        ({"prompt": turns("u:A", "a:B")}, "no_question"),
    ],
)
def test_why_a_row_is_not_taken(row: Any, broken: str) -> None:
    assert rule(row) == broken


def test_rows_of_another_format_are_taken_when_they_can_become_the_same_kind() -> None:
    assert accepted({"question": "Hi", "answer": "Hello", "n": 1}, CHAT) == {
        **chat("u:Hi", "a:Hello"),
        "extra": {"n": 1},
    }
    assert accepted({"instruction": "Hi", "output": "Hello"}, CHAT) == chat("u:Hi", "a:Hello")
    assert accepted({"messages": None, "prompt": "Hi", "completion": "Hello"}, CHAT) == chat("u:Hi", "a:Hello")
    assert accepted({"instruction": "", "input": "1 + 2", "output": "3"}, BY_NAME["alpaca"]) == chat("u:1 + 2", "a:3")
    assert accepted({"instruction": "Hi", "output": "Hello"}, BY_NAME["prompt_completion"])
    assert rule({"text": "Hi"}, CHAT) == "other_kind"
    assert rule(chat("u:Hi", "a:Hello"), BY_NAME["text"]) == "other_kind"
    assert rule({"messages": [ASKED, ANSWERED], "label": False}, CHAT) == "other_kind"
    assert rule({"messages": [ASKED, ANSWERED], "rejected_response": "b"}, CHAT) == "other_kind"


def test_an_input_is_not_lost_in_a_file_of_questions_and_answers() -> None:
    row = {"instruction": "Add", "input": "1 2", "output": "3"}
    assert rule(row, BY_NAME["prompt_completion"]) == "other_kind"


def test_a_row_of_its_file_that_lacks_something_says_what() -> None:
    assert rule({"prompt": "x", "completion": None, "id": 3}, BY_NAME["prompt_completion"]) == "empty_answer"
    assert rule({"messages": [], "id": 3}, CHAT) == "no_turns"
    assert rule({"messages": [ASKED, ANSWERED], "label": "maybe"}, BY_NAME["unpaired"]) == "not_a_label"


def test_a_file_is_in_the_format_of_most_of_its_rows() -> None:
    rows = [{"text": "x"}, {"question": "a", "answer": "b"}, {"question": "c", "answer": "d"}, "broken"]
    file_format = detection.detect(rows)
    assert file_format is not None
    assert file_format.name == "prompt_completion"
    assert detection.confidence(rows, file_format) == 0.5
    assert detection.confidence([], file_format) == 0
    assert detection.detect([{"a": 1}, 7]) is None


def test_chats_that_mostly_end_with_a_question_are_prompts() -> None:
    asking, answering = chat("u:A"), chat("u:A", "a:B")
    prompts = detection.detect([asking, asking, answering])
    assert prompts is BY_NAME["prompt_turns"]
    assert accepted(asking, prompts) == {"prompt": turns("u:A")}
    assert rule(answering, prompts) == "no_question"
    chats = detection.detect([asking, answering, answering])
    assert chats is CHAT
    assert values_and_repairs(chat("u:A", "a:B", "u:C"), CHAT) == (chat("u:A", "a:B"), {"dropped_last_question"})


def test_a_score_is_a_label_only_when_the_file_has_two() -> None:
    def scored(*scores: Any) -> Format | None:
        return detection.detect([{"prompt": "P", "completion": "C", "score": score} for score in scores])

    assert scored(0, 1, 1) is BY_NAME["unpaired_scored"]
    assert scored(0, 1, 0.5) is scored(1, 1) is BY_NAME["prompt_completion"]
    row = {"prompt": "P", "completion": "C", "score": 0}
    assert accepted(row, scored(0, 1))["label"] is False
    assert accepted(row, scored(0, 2))["extra"] == {"score": 0}


def test_what_is_kept_beside_a_row_can_be_written_as_json(tmp_path: Path) -> None:
    beside = {"half": "\ud800", "bytes": b"\xff", "nan": [float("nan")], "large": 1 << 70, "inf": float("inf")}
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    values = accepted({"text": "T", **beside, "deep": deep, "set": {1}})
    assert stored(tmp_path / "rows", "text", values) == values
    assert values["extra"]["half"] == "\\ud800"
    assert values["extra"]["nan"] == [None]


def test_a_person_can_say_which_column_is_which_part() -> None:
    pair = detection.mapped("completion", {"prompt": "frage", "completion": "antwort"})
    assert accepted({"frage": "P", "antwort": "C", "n": 1}, pair) == {
        "prompt": "P",
        "completion": "C",
        "extra": {"n": 1},
    }
    assert rule({"frage": "P", "antwort": ""}, pair) == "empty_answer"
    assert rule({"question": "P", "answer": "C"}, pair) == "unknown_columns"
    own = words("wer", "was", {"Kunde": "user", "Firma": "assistant"})
    chats = detection.mapped("chat", {"messages": "verlauf"}, own)
    row = {"verlauf": [{"wer": "KUNDE", "was": "Hi"}, {"wer": "firma", "was": "Hello"}]}
    assert accepted(row, chats) == chat("u:Hi", "a:Hello")
    best = detection.mapped("chat", {"messages": "chosen"})
    assert accepted({"chosen": turns("u:Hi", "a:Hello"), "rejected": turns("u:Hi", "a:No")}, best)["messages"]


@pytest.mark.parametrize("columns", [{"prompt": "a"}, {"prompt": "a", "completion": "a"}, {"text": "a"}, {}])
def test_a_mapping_that_cannot_be_read_is_refused(columns: dict[str, str]) -> None:
    with pytest.raises(RefusedError):
        detection.mapped("completion", columns)


def test_formats_travel_to_other_processes() -> None:
    own = detection.mapped("chat", {"messages": "a"}, words("x"))
    for row_format in (*detection.FORMATS, own):
        assert pickle.loads(pickle.dumps(row_format)).name == row_format.name
    travelled = pickle.loads(pickle.dumps(CHAT))
    assert rule({"messages": [ASKED, ANSWERED], "label": False}, travelled) == "other_kind"


def test_a_rejection_shows_the_value_cut_to_what_fits_on_a_screen() -> None:
    verdict = verdict_on({"prompt": "x", "completion": ["y" * 5000]})
    assert isinstance(verdict, Rejection)
    assert len(verdict.value) <= 200
    assert "yyy" in verdict.value
    assert Rejection("broken_text", "a\ud800").value == "a\\ud800"


@pytest.mark.parametrize(
    ("name", "found", "kind", "counts"),
    [
        ("alpaca_en_demo.json", "alpaca", "chat", (999, 0, 0)),
        ("dpo_en_demo.json", "preference_chat", "preference", (300, 0, 0)),
        ("kto_en_demo.json", "unpaired", "unpaired", (300, 0, 0)),
        ("glaive_toolcall_en_demo.json", "sharegpt", "chat", (300, 0, 0)),
        ("c4_demo.jsonl", "text", "text", (300, 0, 0)),
        ("v1_sft_demo.jsonl", "messages", "chat", (500, 0, 0)),
        ("gsm8k_train.jsonl", "prompt_completion", "completion", (7473, 0, 0)),
        ("HumanEval.jsonl.gz", "prompt_completion", "completion", (164, 0, 0)),
    ],
)  # fmt: skip
def test_a_real_file_comes_in_whole(
    name: str, found: str, kind: str, counts: tuple[int, int, int], test_data: Path | None
) -> None:
    """(accepted, repaired, rejected) of files people train on."""
    if test_data is None:
        pytest.skip("no folder of real data")
    source = Source(test_data / name)
    rows = list(choose.choose(source, name).rows(source))
    file_format = detection.detect(rows[:1000])
    assert file_format is not None
    assert (file_format.name, file_format.kind, detection.confidence(rows[:1000], file_format)) == (found, kind, 1)
    verdicts = [detection.judge(row, file_format) for row in rows]
    tally = Counter("rejected" if isinstance(verdict, Rejection) else bool(verdict.repairs) for verdict in verdicts)
    assert (tally[False], tally[True], tally["rejected"]) == counts, Counter(
        getattr(verdict, "rule", None) or getattr(verdict, "repairs", None) for verdict in verdicts
    )
