"""Checks of a dataset, each with rows it must find and rows it must leave alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rows.health import checks, checksums, pii, refusals, score, sketches, special_tokens, statistics
from engine.rows.health.batch import batches
from engine.rows.health.check import CheckContext, ComparedDataset, Findings
from engine.rows.health.language import beginnings, language
from engine.rows.verdict import Kind
from tests.engine.rows.stored_rows import assistant, chat, parquet, user

TEXT = (
    "The lighthouse stands on a cliff above the harbour and has shown ships the way home for two hundred years, "
    "in storms and in calm nights, without ever going dark for longer than it takes to change a lamp."
)


def check_rows(
    folder: Path,
    check: str,
    rows: Sequence[dict[str, Any]],
    kind: Kind = "chat",
    against: Sequence[ComparedDataset] = (),
) -> Findings:
    path = parquet(folder / "rows.parquet", kind, rows)
    finder = checks.CHECKS[check].begin(CheckContext(folder, against))
    for batch in batches(path, kind):
        finder.see(batch)
    return finder.findings()


def positions(folder: Path, check: str, rows: Sequence[dict[str, Any]], kind: Kind = "chat") -> list[int]:
    return [int(position) for position in check_rows(folder, check, rows, kind).positions]


def test_the_weights_of_all_checks_are_100_points() -> None:
    assert sum(check.weight for check in checks.CHECKS.values()) == 100


def test_the_table_in_the_guide_is_the_one_the_checks_make() -> None:
    guide = Path(__file__).parents[3] / "docs" / "guide" / "health.md"
    assert checks.markdown() in guide.read_text(encoding="utf-8")


def test_exact_duplicates_are_all_but_the_first(tmp_path: Path) -> None:
    rows = [chat("a?", "yes"), chat("b?", "yes"), chat("a?", "yes"), chat("a?", "yes "), chat("a?", "yes")]
    result = check_rows(tmp_path, "exact_duplicates", rows)
    assert (result.positions.tolist(), result.twins is not None and result.twins.tolist()) == ([2, 4], [0, 0])


def test_rows_that_differ_in_roles_calls_or_labels_are_no_duplicates(tmp_path: Path) -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
    other_call = {"type": "function", "function": {"name": "f", "arguments": {"x": 2}}}
    rows = [
        {"messages": [user("a"), assistant("", tool_calls=[call])]},
        {"messages": [user("a"), assistant("", tool_calls=[other_call])]},
        {"messages": [{"role": "system", "content": "a"}, assistant("")]},
    ]
    assert positions(tmp_path, "exact_duplicates", rows) == []
    pair = {"prompt": [user("a")], "completion": [assistant("b")]}
    labelled = [{**pair, "label": True}, {**pair, "label": False}, {**pair, "label": False}]
    assert positions(tmp_path, "exact_duplicates", labelled, "unpaired") == [2]


def test_near_duplicates_differ_in_a_word_in_case_or_in_punctuation(tmp_path: Path) -> None:
    rows = [
        chat("Describe it.", TEXT),
        chat("Describe it.", TEXT.replace("harbour", "haven")),
        chat("Describe it.", TEXT.upper() + "!!"),
        chat("Describe it.", TEXT),  # exact: not counted again
        chat("Describe it.", " ".join(reversed(TEXT.split()))),
    ]
    result = check_rows(tmp_path, "near_duplicates", rows)
    assert (result.positions.tolist(), result.twins is not None and result.twins.tolist()) == ([1, 2], [0, 0])


def test_short_rows_of_one_pattern_and_a_common_system_prompt_are_not_near_duplicates(tmp_path: Path) -> None:
    rows = [
        chat(f"What is {number} plus {number + 1}?", f"{number} plus {number + 1} equals {2 * number + 1}.", TEXT)
        for number in range(50)
    ]
    assert positions(tmp_path, "near_duplicates", rows) == []


def test_near_duplicates_are_found_in_scripts_without_spaces(tmp_path: Path) -> None:
    text = "灯塔矗立在港口上方的悬崖上两百年来一直为船只指引回家的路无论是风暴还是平静的夜晚"
    rows = [chat("?", text), chat("?", text[:-1] + "天"), chat("?", text[::-1])]
    assert positions(tmp_path, "near_duplicates", rows) == [1]


def test_a_chain_of_small_changes_does_not_lose_its_far_end(tmp_path: Path) -> None:
    words = [f"word{number}" for number in range(60)]
    chain = [[*(f"new{number}" for number in range(3 * step)), *words[3 * step :]] for step in range(8)]
    rows = [{"text": " ".join(text_words)} for text_words in chain]
    result = positions(tmp_path, "near_duplicates", rows, "text")
    assert 1 in result
    assert 7 not in result or 6 not in result


def test_leakage_is_the_same_question_or_nearly_the_same_row_elsewhere(tmp_path: Path) -> None:
    held_out = [chat("Who built the old lighthouse?", "A man."), chat("Tell me.", TEXT), chat("Hi", "Hello")]
    test_set = ComparedDataset(parquet(tmp_path / "eval.parquet", "chat", held_out), "chat", "the test set")
    rows = [
        {"prompt": "who built the old lighthouse", "completion": "Somebody else."},
        {"prompt": "Tell me.", "completion": TEXT.replace("lamp", "bulb")},
        {"prompt": "Hi", "completion": "Good day"},
        {"prompt": "Who built the new lighthouse?", "completion": "A man."},
    ]
    result = check_rows(tmp_path, "leakage", rows, "completion", [test_set])
    assert result.positions.tolist() == [0, 1]
    assert "the test set" in result.note
    assert not check_rows(tmp_path, "leakage", rows, "completion").applies


def test_empty_answers_have_no_visible_sign(tmp_path: Path) -> None:
    call = {"type": "function", "function": {"name": "f", "arguments": {}}}
    rows = [
        chat("a", " \n\u200b"),
        chat("a", "."),
        {"messages": [user("a"), assistant("", tool_calls=[call])]},
        {"messages": [user("a"), assistant("b", train=False)]},
        {"messages": [user("a"), assistant(""), user("b"), assistant("c")]},
    ]
    assert positions(tmp_path, "empty_answers", rows) == [0]


def test_only_what_is_to_be_learnt_is_an_answer(tmp_path: Path) -> None:
    bad = {"prompt": [user("a")], "completion": [assistant("")], "label": False}
    assert positions(tmp_path, "empty_answers", [bad, {**bad, "label": True}], "unpaired") == [1]
    assert not check_rows(tmp_path, "empty_answers", [{"text": ""}], "text").applies
    assert not check_rows(tmp_path, "one_word_answers", [{"prompt": [user("a")]}], "prompt").applies


def test_one_word_answers_count_only_among_longer_ones(tmp_path: Path) -> None:
    longer = [chat("a", "It is so."), chat("a", "我不知道"), chat("a", "Ask somebody else, please.")]
    assert positions(tmp_path, "one_word_answers", [*longer, chat("a", " Yes. ")]) == [3]
    labels = check_rows(tmp_path, "one_word_answers", [chat("a", "positive"), chat("b", "negative"), longer[0]])
    assert labels.positions.tolist() == []
    assert "67 %" in labels.note


@pytest.mark.parametrize(
    "text",
    [
        "As an AI language model, I do not have feelings.",
        "I’m sorry, but I can’t help with hacking.",
        "Well, I cannot assist with that request.",
        "Es tut mir leid, aber ich kann dabei nicht helfen.",
        "Als KI-Sprachmodell habe ich keine Meinung.",
        "Désolé, je ne peux pas répondre.",
        "Lo siento, pero no puedo ayudarte.",
        "作为一个人工智能语言模型，我没有感情。",
        "申し訳ありませんが、お答えできません。",
    ],
)
def test_refusals_are_found_and_highlighted(tmp_path: Path, text: str) -> None:
    assert positions(tmp_path, "refusals", [chat("a", text)]) == [0]
    assert refusals.spans(text)


@pytest.mark.parametrize(
    "text",
    [
        "I can't believe it works!",
        "She said she was sorry, but he can't have heard it.",
        "Language models are trained on text. An AI may assist people with that.",
        "We cannot divide by zero, so x = 2.",
    ],
)
def test_ordinary_answers_are_no_refusals(tmp_path: Path, text: str) -> None:
    assert positions(tmp_path, "refusals", [chat("As an AI language model, what are you?", text)]) == []
    assert refusals.spans(text) == []


KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"
PERSONAL = {
    "write to jane.doe+x@mail.berlin.de today": "write to [MAIL] today",
    "call +49 30 1234 5678 or (212) 555-0123.": "call [PHONE] or [PHONE].",
    "card 4111 1111 1111 1111, amex 378282246310005": "card [CARD], amex [CARD]",
    "IBAN DE89 3704 0044 0532 0130 00 ok": "IBAN [BANK_ACCOUNT] ok",
    "sk-proj-abcdefghijklmnopqrstuvwx and AKIAIOSFODNN7EXAMPLE": "[KEY] and [KEY]",
    f"hf_{'a1' * 17} ghp_{'b2' * 18}": "[KEY] [KEY]",
    f"key:\n{KEY}\nend": "key:\n[PRIVATE_KEY]\nend",
}


@pytest.mark.parametrize("text", PERSONAL)
def test_personal_data_is_found_and_masked(tmp_path: Path, text: str) -> None:
    assert positions(tmp_path, "personal_data", [{"text": text}, {"text": "nothing"}], "text") == [0]
    assert pii.mask(text) == PERSONAL[text]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112 is no card, 0000 0000 0000 0000 neither",
        "DE00 3704 0044 0532 0130 00",
        "name@example.com, me@host.test",
        "12 + 345 = 357; 3.14159265358979; 1700000000000; 2024-01-15 10:30:00",
        "192.168.100.200 and 10,000,000,000 and v1.2.3",
        "skeleton sk-learn hf_hub AKIA ghp_short",
        "a @ b, @mention, x@y",
    ],
)
def test_numbers_and_names_that_are_no_secret_stay(tmp_path: Path, text: str) -> None:
    assert positions(tmp_path, "personal_data", [{"text": text}], "text") == []
    assert pii.mask(text) == text


@pytest.mark.parametrize(
    "text", ["<|im_end|>", "</s>", "[INST] a [/INST]", "<|endoftext|>", "<end_of_turn>", "<｜User｜>"]
)
def test_special_tokens_are_found_and_taken_out(tmp_path: Path, text: str) -> None:
    assert positions(tmp_path, "special_tokens", [chat("a", f"so {text} it")]) == [0]
    assert special_tokens.spans(special_tokens.strip(f"so {text} it")) == []


def test_signs_that_only_look_like_tokens_stay(tmp_path: Path) -> None:
    text = "a < b | c > d, <section>, f(x)|g, [INSTALL], <strong>s</strong>"
    assert positions(tmp_path, "special_tokens", [chat("a", text)]) == []
    assert special_tokens.strip(text) == text


@given(st.text(alphabet="<|im_end>/s[]INST ", max_size=60))
@settings(deadline=None)
def test_taking_tokens_out_never_puts_one_together(text: str) -> None:
    stripped = special_tokens.strip(text)
    assert special_tokens.spans(stripped) == []
    assert special_tokens.strip(stripped) == stripped


def test_tokens_nested_without_end_cost_no_more_than_their_length() -> None:
    text = "<|a" * 20_000 + "|>" * 20_000
    assert special_tokens.spans(special_tokens.strip(text)) == []
    assert pii.mask("+" + "1" * 100_000) == "+" + "1" * 100_000


@given(st.text(max_size=80) | st.from_regex(r"[+(]?[0-9 ().@a-z-]{0,60}"))
@settings(deadline=None)
def test_masking_twice_is_masking_once(text: str) -> None:
    once = pii.mask(text)
    assert pii.mask(once) == once


@given(st.integers(10**14, 10**15 - 1).filter(lambda number: len(set(str(number))) > 1))
@settings(deadline=None)
def test_exactly_one_last_digit_makes_a_card_number(number: int) -> None:
    assert sum(checksums.luhn(f"{number}{digit}") for digit in range(10)) == 1


def test_lengths_far_from_the_middle_are_unusual(tmp_path: Path) -> None:
    rows = [chat("What?", "word " * (20 + number % 7)) for number in range(40)]
    odd = [chat("What?", "x" * 20_000), chat("What?", "no"), chat("w" * 5_000, "word " * 20)]
    assert positions(tmp_path, "length_outliers", [*rows, *odd]) == [40, 41, 42]
    assert positions(tmp_path, "length_outliers", [*rows[:5], *odd]) == []


def test_a_language_that_few_rows_are_in_is_stray(tmp_path: Path) -> None:
    english = [
        chat("Tell me about the sea.", f"The sea is wide and deep, said sailor {number}.") for number in range(60)
    ]
    german = [chat("Erzähl mir vom Meer.", "Das Meer ist weit und tief, sagte der alte Seemann gestern Abend.")]
    code = [chat("x = 1", "42")]
    result = check_rows(tmp_path, "language_mix", [*english, *german, *code])
    assert (result.positions.tolist(), result.details) == ([60], {"German": 1})
    assert positions(tmp_path, "language_mix", english[:5] + german * 5) == []


@given(st.text())
@settings(deadline=None)
def test_a_language_is_told_of_any_text(text: str) -> None:
    language(beginnings(pa.array([text.encode("utf-8", "ignore").decode()])).to_pylist()[0])


@given(st.lists(st.text(max_size=40), max_size=8))
@settings(max_examples=30, deadline=None)
def test_equal_texts_have_equal_sketches_whatever_stands_beside_them(texts: list[str]) -> None:
    clean = [text.encode("utf-8", "ignore").decode() for text in [*texts, TEXT, *texts]]
    sketch = sketches.sketch(sketches.normal(pa.array(clean)))
    alone = sketches.sketch(sketches.normal(pa.array([TEXT])))
    half = len(texts)
    assert (sketch.bands[:half] == sketch.bands[half + 1 :]).all()
    assert (sketch.signature[half] == alone.signature[0]).all()


def test_every_kind_of_row_is_read(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "s"}, user("question"), assistant("answer")]
    kinds: dict[Kind, tuple[dict[str, Any], str | None, str | None]] = {
        "chat": ({"messages": turns}, "question", "answer"),
        "completion": ({"prompt": "question", "completion": "answer"}, "question", "answer"),
        "text": ({"text": "question answer"}, None, None),
        "preference": (
            {"prompt": turns[:2], "chosen": turns[2:], "rejected": [assistant("no")]},
            "question",
            "answer",
        ),
        "unpaired": ({"prompt": turns[:2], "completion": turns[2:], "label": True}, "question", "answer"),
        "prompt": ({"prompt": turns[:2]}, "question", None),
        "stepwise": ({"prompt": "question", "completions": ["answer"], "labels": [True]}, "question", "answer"),
    }
    for kind, (row, question, answer) in kinds.items():
        (batch,) = batches(parquet(tmp_path / f"{kind}.parquet", kind, [row]), kind)
        assert (batch.question.to_pylist(), batch.answer.to_pylist()) == ([question], [answer])
        assert "question" in batch.text.to_pylist()[0]
        assert ("s\n" in batch.text.to_pylist()[0]) == (kind in ("chat", "preference", "unpaired", "prompt"))
        assert "s\n" not in batch.body.to_pylist()[0]
        numbers = statistics.Statistics()
        numbers.see(batch)
        assert numbers.told({})["rows"] == 1


def test_files_from_before_tools_and_calls_are_read_too(tmp_path: Path) -> None:
    turn = pa.struct([("role", pa.string()), ("content", pa.string())])
    old = pa.schema([("messages", pa.list_(turn)), ("row", pa.int64())])
    table = pa.Table.from_pylist([{**chat("question", "answer"), "row": 1}], old)
    pq.write_table(table, tmp_path / "old.parquet")
    (batch,) = batches(tmp_path / "old.parquet", "chat")
    assert (batch.question.to_pylist(), batch.answer.to_pylist()) == (["question"], ["answer"])
    new = parquet(tmp_path / "new.parquet", "chat", [chat("question", "answer")])
    assert next(iter(batches(new, "chat"))).identity.to_pylist() == batch.identity.to_pylist()


def test_statistics_count_turns_roles_and_lengths(tmp_path: Path) -> None:
    rows = [chat("a" * number, "b" * 10 * number, "s") for number in range(1, 11)]
    (batch,) = batches(parquet(tmp_path / "rows.parquet", "chat", rows), "chat")
    collected = statistics.Statistics()
    collected.see(batch)
    numbers = collected.told({"en": 10})
    assert (numbers["rows"], numbers["turns"], numbers["languages"]) == (10, {"3": 10}, {"en": 10})
    assert numbers["roles"] == {"system": 10, "user": 10, "assistant": 10}
    assert numbers["lengths"]["question"] == {
        "median": 5,
        "p95": 9,
        "longest": 10,
        "bars": [[1, 2, 1], [2, 5, 3], [5, 10, 5], [10, 20, 1]],
    }


def test_the_score_takes_the_root_of_the_share_and_is_never_whole_with_a_finding() -> None:
    counted = {"exact_duplicates": {"found": 250, "applies": True}, "refusals": {"found": 1, "applies": True}}
    parts = score.parts(counted, 1000)
    assert [(part.check, part.points) for part in parts[:2]] == [("exact_duplicates", 7.5), ("refusals", 0.3)]
    assert score.overall(parts) == 92
    only = score.parts(counted, 1000, ignored=["exact_duplicates"])
    assert score.overall(only) == 99
    assert score.overall(score.parts({}, 0)) == 100
    worst = {name: {"found": 10, "applies": True} for name in checks.CHECKS}
    assert score.overall(score.parts(worst, 10)) == 0
