"""Operations on datasets, each alone: which rows come out, in which order, with what they remember."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import RefusedError
from engine.rows.health import position_file
from engine.rows.shape import operation as shaping
from engine.rows.shape import operations, split
from engine.rows.verdict import Kind
from tests.engine.rows.shapes import CALL, EXAMPLES, asked, numbers, pairs, parent, run, turn


@pytest.mark.parametrize("kind", EXAMPLES)
def test_rows_of_every_kind_pass_through_unchanged(tmp_path: Path, kind: Kind) -> None:
    rows = [{**EXAMPLES[kind], "extra": {"id": number}} for number in range(3)]
    dataset = parent(tmp_path, kind, rows)
    operations: list[dict[str, Any]] = [
        {"op": "shuffle"},
        {"op": "mask"},
        {"op": "strip"},
        {"op": "filter", "conditions": [{"test": "length", "least": 1}]},
        {"op": "drop", "positions": [9]},
    ]
    for operation in operations:
        result = sorted(run(tmp_path, operation, dataset), key=lambda row: row["row"])
        assert result == [{**row, "row": number} for number, row in enumerate(rows, 1)], operation


def test_a_sample_has_the_rows_asked_for_in_their_order_and_the_seed_decides(tmp_path: Path) -> None:
    dataset = pairs(tmp_path, 2500)
    first = numbers(run(tmp_path, {"op": "sample", "rows": 100}, dataset))
    assert len(first) == 100
    assert first == sorted(first)
    assert first == numbers(run(tmp_path, {"op": "sample", "rows": 100, "seed": 42}, dataset))
    assert first != numbers(run(tmp_path, {"op": "sample", "rows": 100, "seed": 1}, dataset))
    assert len(run(tmp_path, {"op": "sample", "share": 0.1}, dataset)) == 250
    assert len(run(tmp_path, {"op": "sample", "rows": 9999}, dataset)) == 2500


def test_the_sides_of_a_split_are_the_whole_and_keep_their_rows_when_more_come(tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    earlier, later = pairs(tmp_path, 2000), pairs(tmp_path / "later", 3000)

    def sides(dataset: shaping.Parent, **fields: Any) -> list[set[str]]:
        return [
            {row["prompt"] for row in run(tmp_path, {"op": "split", "side": side, **fields}, dataset)}
            for side in (0, 1)
        ]

    train, test = sides(earlier)
    assert not train & test
    assert len(train | test) == 2000
    assert 150 < len(test) < 250
    later_train, later_test = sides(later)
    assert train < later_train
    assert test < later_test
    assert sides(earlier, seed=7)[1] != test


def test_both_copies_of_a_row_go_to_the_same_side(tmp_path: Path) -> None:
    rows = [{"text": f"text {number % 50}"} for number in range(100)]
    test = run(tmp_path, {"op": "split", "side": 1, **halves()}, parent(tmp_path, "text", rows))
    assert set(Counter(row["text"] for row in test).values()) == {2}


def halves() -> dict[str, Any]:
    return {"sides": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}]}


def test_no_side_of_a_tiny_dataset_stays_empty() -> None:
    numbers = np.array([1, 2, 3], dtype=np.uint64)
    assert sorted(split.assigned(numbers, [0.8, 0.1, 0.1]).tolist()) == [0, 1, 2]


def test_a_split_by_column_takes_the_rows_with_one_value_or_none(tmp_path: Path) -> None:
    rows = [
        {"text": f"t{number}", **({"extra": {"split": value}} if value else {})} for number, value in enumerate("ab a")
    ]
    rows[2].pop("extra")
    dataset = parent(tmp_path, "text", rows)
    assert numbers(run(tmp_path, {"op": "split_by", "column": "split", "value": "a"}, dataset)) == [1, 4]
    assert numbers(run(tmp_path, {"op": "split_by", "column": "split", "value": None}, dataset)) == [3]


CHATS: list[dict[str, Any]] = [
    {"messages": [turn("user", "Hello"), turn("assistant", "Sorry, I cannot.")], "extra": {"score": 3, "ok": True}},
    {"messages": [turn("system", "Be kind"), turn("user", "hello there"), turn("assistant", "Héllo!")]},
    {"messages": [*asked("Add"), turn("assistant", "", tool_calls=[CALL]), turn("tool", "1"), turn("assistant", "1")]},
]
CONDITIONS = [
    ({"test": "contains", "text": "hello"}, [1, 2]),
    ({"test": "contains", "text": "hello", "ignore_case": False}, [2]),
    ({"test": "contains", "text": "hello", "where": "answer"}, []),
    ({"test": "contains", "text": "arguments"}, [3]),
    ({"test": "matches", "pattern": "^Sorry", "where": "answer"}, [1]),
    ({"test": "matches", "pattern": "kind|1$", "where": "system"}, [2]),
    ({"test": "length", "most": 6, "where": "answer"}, [2]),
    ({"test": "length", "least": 11, "where": "question"}, [2]),
    ({"test": "role", "role": "tool"}, [3]),
    ({"test": "role", "role": "system"}, [2]),
    ({"test": "column", "name": "score", "equals": "3"}, [1]),
    ({"test": "column", "name": "ok", "equals": "true"}, [1]),
]


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS)
def test_a_filter_keeps_the_rows_that_meet_a_condition(
    tmp_path: Path, condition: dict[str, Any], expected: list[int]
) -> None:
    dataset = parent(tmp_path, "chat", CHATS)
    assert numbers(run(tmp_path, {"op": "filter", "conditions": [condition]}, dataset)) == expected
    dropped = numbers(run(tmp_path, {"op": "filter", "conditions": [condition], "then": "drop"}, dataset))
    assert dropped == [number for number in (1, 2, 3) if number not in expected]


def test_a_filter_with_several_conditions_takes_all_or_any(tmp_path: Path) -> None:
    dataset = parent(tmp_path, "chat", CHATS)
    two_conditions = {
        "op": "filter",
        "conditions": [{"test": "contains", "text": "hello"}, {"test": "role", "role": "system"}],
    }
    assert numbers(run(tmp_path, two_conditions, dataset)) == [2]
    assert numbers(run(tmp_path, {**two_conditions, "meet": "any"}, dataset)) == [1, 2]
    assert "and" in operations.in_words(two_conditions)


@pytest.mark.parametrize(("kind", "where", "found"), [("preference", "answer", "dog"), ("stepwise", "answer", "two")])
def test_what_is_an_answer_is_known_for_every_kind(tmp_path: Path, kind: Kind, where: str, found: str) -> None:
    dataset = parent(tmp_path, kind, [EXAMPLES[kind]])
    look = {"op": "filter", "conditions": [{"test": "contains", "text": found, "where": where}]}
    assert len(run(tmp_path, look, dataset)) == 1
    look["conditions"] = [{"test": "contains", "text": found, "where": "question"}]
    assert run(tmp_path, look, dataset) == []


def test_merged_rows_remember_where_they_came_from_and_pairs_join_chats(tmp_path: Path) -> None:
    chats = parent(
        tmp_path, "chat", [{"messages": [*asked(), turn("assistant", "A cat.")], "extra": {"id": 1}}], "cats"
    )
    completions = pairs(tmp_path, 1, "pairs")
    first, second = run(tmp_path, {"op": "merge"}, chats, completions)
    assert first["extra"] == {"from_dataset": "cats", "id": 1}
    assert second["messages"] == [turn("user", "pairs 0?"), turn("assistant", "It is 0.")]
    assert second["extra"] == {"from_dataset": "pairs"}
    with pytest.raises(RefusedError, match="chat, text"):
        run(tmp_path, {"op": "merge"}, chats, parent(tmp_path, "text", [EXAMPLES["text"]], "texts"))


def test_a_mix_ends_with_the_first_or_repeats_until_all_are_used_up(tmp_path: Path) -> None:
    small, large = pairs(tmp_path, 30, "small"), pairs(tmp_path, 2000, "large")
    first = run(tmp_path, {"op": "mix", "weights": [1, 3]}, small, large)
    counts = Counter(row["extra"]["from_dataset"] for row in first)
    assert counts["small"] == 30
    assert 50 < counts["large"] < 150
    assert first[-1]["extra"]["from_dataset"] == "small"
    assert [row["row"] for row in first if row["extra"]["from_dataset"] == "large"] == [*range(1, counts["large"] + 1)]
    repeated = run(tmp_path, {"op": "mix", "weights": [1, 3], "stop": "all"}, small, large)
    counts = Counter(row["extra"]["from_dataset"] for row in repeated)
    assert counts["large"] == 2000
    assert 500 < counts["small"] < 850
    assert first == run(tmp_path, {"op": "mix", "weights": [1, 3]}, small, large)


def test_a_mix_that_would_hardly_end_ends_and_says_so(tmp_path: Path) -> None:
    workspace = shaping.Workspace(tmp_path)
    rare, common = pairs(tmp_path, 5, "rare"), pairs(tmp_path, 5, "common")
    mix = operations.parse({"op": "mix", "weights": [1, 1e6], "stop": "all"})
    assert sum(batch.num_rows for batch in mix.run([rare, common], workspace)) == 1000
    assert "Ended at 100 times" in workspace.notes[0]


def test_what_stands_beside_a_written_row_is_an_object(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="not an object"):
        run(tmp_path, {"op": "add", "rows": [{"text": "a", "extra": [1]}]}, parent(tmp_path, "text", [{"text": "b"}]))


def test_a_mix_draws_the_rows_that_interleave_datasets_would(tmp_path: Path) -> None:
    """Same generator, same draws, same end: a mix can be repeated with the library."""
    piles = [pairs(tmp_path, 40, "a"), pairs(tmp_path, 90, "b")]
    prompts = [row["prompt"] for row in run(tmp_path, {"op": "mix", "weights": [0.3, 0.7]}, *piles)]
    drawn, expected, taken = np.random.default_rng(42).choice(2, size=1000, p=[0.3, 0.7]), [], [0, 0]
    for number in drawn:
        expected.append(f"{'ab'[number]} {taken[number]}?")
        taken[number] += 1
        if taken[number] == (40, 90)[number]:
            break
    assert prompts == expected


def test_an_edited_row_keeps_its_place_and_number(tmp_path: Path) -> None:
    dataset = pairs(tmp_path, 1500)
    rows = run(tmp_path, {"op": "edit", "position": 1200, "values": {"question": "Why?", "answer": "So."}}, dataset)
    assert len(rows) == 1500
    assert rows[1200] == {"prompt": "Why?", "completion": "So.", "row": 1201}
    assert rows[1199]["prompt"] == "one 1199?"
    with pytest.raises(RefusedError, match="empty answer"):
        run(tmp_path, {"op": "edit", "position": 0, "values": {"prompt": "Why?", "completion": " "}}, dataset)


def test_added_rows_stand_at_the_end_and_may_begin_a_dataset(tmp_path: Path) -> None:
    rows = [{"prompt": "Why?", "completion": "So.", "extra": {"by": "me"}}]
    result = run(tmp_path, {"op": "add", "rows": rows}, pairs(tmp_path, 3))
    assert result[3] == {**rows[0], "row": 4}
    chat = [*asked(), turn("assistant", "A cat.")]
    assert run(tmp_path, {"op": "add", "new_kind": "chat", "rows": [{"messages": chat}]}) == [
        {"messages": chat, "row": 1}
    ]


def test_rows_are_dropped_by_a_list_or_a_file_of_positions(tmp_path: Path) -> None:
    dataset = pairs(tmp_path, 5)
    assert numbers(run(tmp_path, {"op": "drop", "positions": [0, 3, 77]}, dataset)) == [2, 3, 5]
    position_file.write(tmp_path / "rows.npy", np.array([1, 2, 99]))
    assert numbers(run(tmp_path, {"op": "drop", "positions_file": str(tmp_path / "rows.npy")}, dataset)) == [1, 4, 5]


def test_only_the_first_of_equal_rows_stays(tmp_path: Path) -> None:
    rows = [{"text": text, "extra": {"id": number}} for number, text in enumerate(["a", "b", "a", "a ", "b"])]
    assert numbers(run(tmp_path, {"op": "deduplicate"}, parent(tmp_path, "text", rows))) == [1, 2, 4]
    prompts = [{"prompt": asked(), "extra": {"answer": answer}} for answer in "aab"]
    assert numbers(run(tmp_path, {"op": "deduplicate"}, parent(tmp_path, "prompt", prompts))) == [1, 3]


def test_texts_are_cleaned_everywhere_and_a_row_of_nothing_else_goes(tmp_path: Path) -> None:
    call = {"type": "function", "function": {"name": "mail", "arguments": {"to": "ann@firm.org"}}}
    rows = [
        {"messages": [*asked("Mail ann@firm.org"), turn("assistant", "", tool_calls=[call])]},
        {"messages": [*asked("Hi<|im_end|>"), turn("assistant", "</s>")]},
    ]
    dataset = parent(tmp_path, "chat", rows)
    masked = run(tmp_path, {"op": "mask"}, dataset)
    assert masked[0]["messages"][0]["content"] == "Mail [MAIL]"
    assert masked[0]["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"to": "[MAIL]"}
    workspace = shaping.Workspace(tmp_path)
    stripped = list(operations.parse({"op": "strip"}).run([dataset], workspace))
    assert sum(batch.num_rows for batch in stripped) == 1
    assert "1 rows were left out" in workspace.notes[0]


def test_a_shuffle_through_many_files_has_every_row_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = pairs(tmp_path, 3000)
    monkeypatch.setattr("engine.rows.shape.shuffle.PILE_BYTES", 20_000)
    shuffled = numbers(run(tmp_path, {"op": "shuffle"}, dataset))
    assert shuffled != sorted(shuffled)
    assert sorted(shuffled) == list(range(1, 3001))
    assert shuffled == numbers(run(tmp_path, {"op": "shuffle"}, dataset))
    assert not list(tmp_path.glob("*.arrow"))


BAD = [
    ({"op": "explode"}, "op"),
    ({"op": "sample"}, "rows or share"),
    ({"op": "sample", "rows": 0}, "rows"),
    ({"op": "sample", "rows": 1, "share": 0.5}, "rows or share"),
    ({"op": "split", "sides": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.4}]}, "add up to 1"),
    ({"op": "split", "sides": [{"name": "a", "share": 0.5}, {"name": "a", "share": 0.5}]}, "different names"),
    ({"op": "split", "side": 2}, "fewer sides"),
    ({"op": "filter", "conditions": [{"test": "matches", "pattern": "(?<=a)b"}]}, "lookarounds"),
    ({"op": "filter", "conditions": [{"test": "length", "least": 5, "most": 4}]}, "least"),
    ({"op": "filter", "conditions": []}, "conditions"),
    ({"op": "mix", "weights": [1, 0]}, "weights"),
    ({"op": "drop"}, "positions"),
    ({"op": "drop", "positions": [-1]}, "positions"),
    ({"op": "sample", "rows": 5, "colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("operation", "words"), BAD)
def test_an_operation_that_makes_no_sense_is_refused_in_words(operation: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        operations.parse(operation)


GOOD: list[dict[str, Any]] = [
    {"op": "sample", "rows": 1000},
    {"op": "sample", "share": 0.25},
    {"op": "split", "side": 1},
    {"op": "split_by", "column": "split", "value": "test"},
    {"op": "split_by", "column": "split"},
    {"op": "filter", "conditions": [condition for condition, _ in CONDITIONS], "meet": "any"},
    {"op": "merge"},
    {"op": "mix", "weights": [1, 2], "stop": "all"},
    {"op": "edit", "position": 4, "values": {"text": "a"}},
    {"op": "add", "rows": [{"text": "a"}], "where": "a chat"},
    {"op": "drop", "positions": [1], "why": "wrong"},
    {"op": "deduplicate"},
    {"op": "mask"},
    {"op": "strip"},
    {"op": "shuffle"},
]


@pytest.mark.parametrize("operation", GOOD)
def test_every_operation_says_what_it_did_and_comes_back_from_its_description(operation: dict[str, Any]) -> None:
    parsed = operations.parse(operation)
    assert operations.parse(parsed.model_dump(mode="json")) == parsed
    assert parsed.words()[0].islower()
    assert parsed.passes() in (1, 2)


def test_operations_of_another_studio_are_named_at_least() -> None:
    assert operations.in_words({"op": "translate"}) == "translate"
    assert operations.in_words(None) == "imported"
