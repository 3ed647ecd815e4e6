"""Rows become tokens and labels: exactly the answers are learnt, and what is left out is counted."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from engine.process import events
from engine.workers import contract
from engine.workers.tokens import row_tokens, training_rows
from tests.workers.train.training_runs import chat, write_rows


@pytest.fixture
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(tiny_model)


def source(folder: Path, kind: str, rows: list[Any], **options: Any) -> training_rows.Source:
    settings = {"max_length": 512, "answers_only": True} | options
    return training_rows.Source(path=write_rows(folder, kind, rows), kind=kind, **settings)


def learnt(tokenizer: PreTrainedTokenizerBase, row: dict[str, list[int]]) -> str:
    """The text of the labelled tokens; gaps as |."""
    parts: list[list[int]] = [[]]
    for token, label in zip(row["input_ids"], row["labels"], strict=True):
        assert label in (token, training_rows.NOT_LEARNT)
        if label == token:
            parts[-1].append(token)
        elif parts[-1]:
            parts.append([])
    return "|".join(tokenizer.decode(part) for part in parts if part)


def prepare(tokenizer: PreTrainedTokenizerBase, rows_source: training_rows.Source, out: Path) -> Any:
    rows, counts = training_rows.prepare(tokenizer, rows_source, out)
    return rows.with_format(None), counts


def test_only_the_assistants_turns_of_a_chat_are_learnt(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    rows, counts = prepare(tokenizer, source(tmp_path, "chat", [chat("Sum?", "23", "And?", "é 👍")]), tmp_path)
    assert learnt(tokenizer, rows[0]) == "23<|im_end|>|é 👍<|im_end|>"
    assert tokenizer.decode(rows[0]["input_ids"]).startswith("<|im_start|>user\nSum?<|im_end|>\n<|im_start|>assistant")
    assert (counts.rows, counts.kept, counts.dropped, counts.truncated) == (1, 1, 0, 0)


def test_the_whole_chat_is_learnt_when_asked(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    rows, _ = prepare(tokenizer, source(tmp_path, "chat", [chat("A", "B")], answers_only=False), tmp_path)
    assert rows[0]["labels"] == rows[0]["input_ids"]


def test_the_prompt_of_a_completion_is_masked(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    tokenizer.chat_template = None
    pairs = [("17 plus 6 is", " 23."), ("x", "y<|im_end|>")]
    rows, _ = prepare(tokenizer, source(tmp_path, "completion", pairs), tmp_path)
    assert [learnt(tokenizer, row) for row in rows] == [" 23.<|im_end|>", "y<|im_end|>"]


def test_a_completion_is_learnt_whole_when_asked(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    tokenizer.chat_template = None
    rows, _ = prepare(tokenizer, source(tmp_path, "completion", [("a", "b")], answers_only=False), tmp_path)
    assert learnt(tokenizer, rows[0]) == "ab<|im_end|>"


def test_a_model_that_talks_in_chats_learns_a_pair_as_a_chat(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    pair_folder, chat_folder = tmp_path / "pair", tmp_path / "talk"
    pair_folder.mkdir()
    chat_folder.mkdir()
    pair_rows, _ = prepare(tokenizer, source(pair_folder, "completion", [("Sum?", "23")]), pair_folder)
    chat_rows, _ = prepare(tokenizer, source(chat_folder, "chat", [chat("Sum?", "23")]), chat_folder)
    assert learnt(tokenizer, pair_rows[0]) == "23<|im_end|>"
    assert pair_rows[0] == chat_rows[0]


def test_text_is_learnt_whole_and_ends(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    rows, _ = prepare(tokenizer, source(tmp_path, "text", ["The quick brown fox"]), tmp_path)
    assert learnt(tokenizer, rows[0]) == "The quick brown fox<|im_end|>"


def test_long_rows_are_cut_and_counted_and_rows_cut_before_the_answer_left_out(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    rows_source = source(tmp_path, "chat", [chat("a", "b" * 60), chat("a" * 60, "b"), chat("a", "b")], max_length=32)
    rows, counts = prepare(tokenizer, rows_source, tmp_path)
    assert [len(row["input_ids"]) for row in rows] == [32, rows[1]["input_ids"].__len__()]
    assert (counts.rows, counts.kept, counts.truncated, counts.untrainable) == (3, 2, 1, 1)
    assert [note.message for note in training_rows.notes(counts, rows_source)] == [
        "1 rows hold nothing to learn within 32 tokens and are left out.",
        "1 rows are longer than 32 tokens and are cut at the end.",
    ]


def test_rows_are_tokenised_once_and_again_when_something_changed(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    rows_source = source(tmp_path, "text", ["one", "two"])
    first, _ = prepare(tokenizer, rows_source, tmp_path)
    file = next((tmp_path / "rows").glob("*.arrow"))
    before = file.stat().st_mtime_ns
    again, counts = prepare(tokenizer, rows_source, tmp_path)
    assert again[:] == first[:]
    assert counts.kept == 2
    assert file.stat().st_mtime_ns == before
    prepare(tokenizer, source(tmp_path, "text", ["one", "two"], max_length=64), tmp_path)
    assert len(list((tmp_path / "rows").glob("*.arrow"))) == 2


def test_more_rows_than_a_batch_stay_in_order(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    texts = [f"row {number}" for number in range(row_tokens.ROWS_AT_ONCE * 2 + 3)]
    rows, _ = prepare(tokenizer, source(tmp_path, "text", texts), tmp_path)
    assert [learnt(tokenizer, row) for row in rows] == [f"{text}<|im_end|>" for text in texts]


def test_a_chat_without_an_answer_is_left_out(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    with pytest.raises(contract.WorkFailedError, match="None of the dataset's 2 rows") as caught:
        training_rows.prepare(tokenizer, source(tmp_path, "chat", [chat("a"), chat("b")]), tmp_path)
    assert caught.value.category == "data"
    assert "assistant_only_loss" in caught.value.hint


def test_what_the_template_refuses_is_told_in_its_words(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    tokenizer.chat_template = "{{ raise_exception('Roles must alternate') }}"
    with pytest.raises(contract.WorkFailedError, match="None of") as caught:
        training_rows.prepare(tokenizer, source(tmp_path, "chat", [chat("a", "b")]), tmp_path)
    assert "Roles must alternate" in caught.value.hint
    counts = training_rows.Counts(rows=5, kept=4, refused=1, refusal="Roles must alternate")
    (note,) = training_rows.notes(counts, source(tmp_path, "chat", [chat("a", "b")]))
    assert "refuses 1 rows" in note.message


def test_a_model_without_a_template_gets_a_plain_one(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    tokenizer.chat_template = None
    rows, _ = prepare(tokenizer, source(tmp_path, "chat", [chat("Sum?", "23")]), tmp_path)
    assert learnt(tokenizer, rows[0]) == "23<|im_end|>"
    assert tokenizer.chat_template


def test_no_rows_at_all_are_told(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    with pytest.raises(contract.WorkFailedError, match="None of the dataset's 0 rows") as caught:
        training_rows.prepare(tokenizer, source(tmp_path, "text", [], answers_only=False), tmp_path)
    assert "empty" in caught.value.hint


def test_a_stop_is_heard_while_tokenising(tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    (tmp_path / "stop.request").touch()
    with pytest.raises(contract.Stopped):
        training_rows.prepare(tokenizer, source(tmp_path, "text", ["one"]), tmp_path)


def test_a_long_tokenising_tells_how_far_it_is(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_tokens, "SECONDS_BETWEEN_REPORTS", 0)
    monkeypatch.setattr(row_tokens, "ROWS_AT_ONCE", 1)
    training_rows.prepare(tokenizer, source(tmp_path, "text", ["one", "two"]), tmp_path)
    told = [event for event in events.read(tmp_path)[0] if isinstance(event, events.Progress)]
    assert [(event.done, event.total, event.stage) for event in told] == [(0, 2, "tokenising"), (1, 2, "tokenising")]
