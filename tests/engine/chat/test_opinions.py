"""Thumbs and votes: given, taken back, and made into rows that a training takes."""

import pytest

from engine.chat import chat, opinion_rows, opinions
from engine.chat.exchanges import exchanges
from engine.errors import NotFoundError, RefusedError
from engine.rows.shape import validated_rows
from storage.tables import Message


def exchange(tuned: str, base: str, text: str = "Which?", chat_id: str = "", system: str = "") -> tuple[int, int, int]:
    """A question with two answers; the numbers of its turns."""
    chat_id = chat_id or chat.new_chat().id
    asked = chat.ask(chat_id, text)
    both = {"tuned": tuned, "base": base}
    for side, content in both.items():
        is_whole = not content.endswith("…")
        chat._store(Message(chat_id=chat_id, side=side, model=side, content=content, complete=is_whole, system=system))
    last = exchanges(chat.messages(chat_id))[-1]
    assert last.tuned is not None
    assert last.base is not None
    return asked.id or 0, last.tuned.id or 0, last.base.id or 0


def test_votes_become_preferences_with_the_turns_the_better_answer_came_from() -> None:
    chat_id = chat.new_chat().id
    exchange("one", "eins", "Count.", chat_id, " Be brief. ")
    asked, _, _ = exchange("two", "zwei", "On.", chat_id, " Be brief. ")
    opinions.vote(asked, "base")
    (row,) = opinion_rows.preferences()
    assert row == {
        "prompt": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Count."},
            {"role": "assistant", "content": "eins"},
            {"role": "user", "content": "On."},
        ],
        "chosen": [{"role": "assistant", "content": "zwei"}],
        "rejected": [{"role": "assistant", "content": "two"}],
    }
    kept = validated_rows.required(row, "preference")
    assert [turn["content"] for turn in kept["chosen"]] == ["zwei"]


def test_what_teaches_nothing_becomes_no_preference() -> None:
    for tuned, base, better in (
        ("a", "b", "tie"),
        ("same", " same ", "tuned"),
        ("half …", "b", "base"),
        ("", "b", "base"),
    ):
        asked, _, _ = exchange(tuned, base)
        opinions.vote(asked, better)  # type: ignore[arg-type]
    assert list(opinion_rows.preferences()) == []
    assert len(list(opinions.voted())) == 4  # they are votes all the same
    with pytest.raises(RefusedError, match="no votes to learn from"):
        opinion_rows.make_dataset("votes")


def test_thumbs_become_marked_answers() -> None:
    _, tuned, base = exchange("good", "bad")
    opinions.rate(tuned, True)
    opinions.rate(base, False)
    _, cut, _ = exchange("half …", "b")
    opinions.rate(cut, False)
    rows = list(opinion_rows.marked())
    assert [(row["completion"][0]["content"], row["label"]) for row in rows] == [("good", True), ("bad", False)]
    assert [validated_rows.required(row, "unpaired")["label"] for row in rows] == [True, False]
    opinions.rate(tuned, None)
    assert [row["label"] for row in opinion_rows.marked()] == [False]


def test_a_vote_can_be_changed_and_taken_back() -> None:
    asked, _, _ = exchange("a", "b")
    for better in ("tuned", "base"):
        opinions.vote(asked, better)
    assert [one.question.better for one in opinions.voted()] == ["base"]
    opinions.vote(asked, None)
    assert list(opinions.voted()) == []


def test_opinions_of_another_project_do_not_count() -> None:
    asked, tuned, _ = exchange("a", "b")
    opinions.vote(asked, "tuned")
    opinions.rate(tuned, True)
    assert [*opinions.voted("other"), *opinions.rated("other")] == []
    assert len(list(opinions.voted("default"))) == len(list(opinions.rated("default"))) == 1


def test_what_cannot_be_judged_is_refused() -> None:
    asked, tuned, _ = exchange("a", "b")
    with pytest.raises(RefusedError, match="is a question"):
        opinions.rate(asked, True)
    with pytest.raises(RefusedError, match="is an answer"):
        opinions.vote(tuned, "tuned")
    with pytest.raises(NotFoundError):
        opinions.rate(10**9, True)
    alone = chat.ask(chat.new_chat().id, "Alone?")
    with pytest.raises(RefusedError, match="not two answers"):
        opinions.vote(alone.id or 0, "tuned")
