"""A chat changed in its middle: it goes on, and what stood there is kept."""

import pytest

from engine.chat import branches, chat, deleting, opinions
from engine.chat.exchanges import exchanges
from engine.errors import NotFoundError, RefusedError
from storage.tables import Message


def said(chat_id: str) -> list[tuple[str, str]]:
    return [(turn.side, turn.content) for turn in chat.messages(chat_id)]


def talk(*turns: tuple[str, str]) -> str:
    """A chat with these turns; gives its id."""
    opened = chat.new_chat()
    for side, text in turns:
        if side == "user":
            chat.ask(opened.id, text)
        else:
            chat._store(Message(chat_id=opened.id, side=side, model=side, content=text, tokens=3, system="Be brief."))
    return opened.id


TURNS = (("user", "one"), ("tuned", "1"), ("base", "eins"), ("user", "two"), ("tuned", "2"), ("base", "zwei"))


def question(chat_id: str, number: int) -> int:
    return exchanges(chat.messages(chat_id))[number].question.id or 0


def test_a_changed_question_goes_on_from_there_and_a_branch_keeps_what_stood_there() -> None:
    chat_id = talk(*TURNS)
    branch = branches.edit(chat_id, question(chat_id, 0), "ONE")
    assert said(chat_id) == [("user", "ONE")]
    assert branch is not None
    assert said(branch.id) == list(TURNS)
    kept = chat.messages(branch.id)[1]
    assert (kept.tokens, kept.system, kept.model) == (3, "Be brief.", "tuned")
    assert (chat.look_up(chat_id).title, chat.look_up(branch.id).title) == ("ONE", "one")
    first, listed = branches.family(branch.id)
    assert (first.id, [(one.id, asked) for one, asked in listed]) == (chat_id, [(branch.id, "two")])
    assert [one.id for one, _ in chat.recent_chats()] == [chat_id]  # a branch stands with its chat
    assert [one.id for one, _ in chat.recent_chats(words="zwei")] == [branch.id]  # and is found


def test_a_branch_goes_on_like_any_chat_and_its_branches_belong_to_the_first_chat() -> None:
    chat_id = talk(*TURNS)
    branch = branches.edit(chat_id, question(chat_id, 1), "TWO")
    assert branch is not None
    again = branches.edit(branch.id, question(branch.id, 1), "deux")
    assert again is not None
    assert said(branch.id) == [*TURNS[:3], ("user", "deux")]
    assert again.branch_of == chat_id
    assert {one.id for one, _ in branches.family(again.id)[1]} == {branch.id, again.id}
    deleting.delete_chat(again.id)
    deleting.delete_chat(chat_id)
    for gone in (chat_id, branch.id, again.id):
        with pytest.raises(NotFoundError):
            chat.look_up(gone)


def test_what_was_judged_before_the_change_counts_once() -> None:
    chat_id = talk(*TURNS)
    opinions.vote(question(chat_id, 0), "tuned")
    opinions.vote(question(chat_id, 1), "base")
    for turn in chat.messages(chat_id):
        if turn.side == "tuned":
            opinions.rate(turn.id or 0, True)
    branch = branches.edit(chat_id, question(chat_id, 1), "TWO")
    assert branch is not None
    assert [(one.question.chat_id, one.question.better) for one in opinions.voted()] == [
        (chat_id, "tuned"), (branch.id, "base"),
    ]  # fmt: skip
    assert [(answer.chat_id, answer.content) for _, answer in opinions.rated()] == [(chat_id, "1"), (branch.id, "2")]


def test_answered_again_the_answers_before_are_kept_and_the_vote_about_them_too() -> None:
    chat_id = talk(*TURNS)
    opinions.vote(question(chat_id, 1), "base")
    assert branches.take_back(chat_id) == "two"
    assert said(chat_id) == list(TURNS[:4])
    ((branch, _),) = branches.family(chat_id)[1]
    assert said(branch.id) == list(TURNS)
    assert [one.question.chat_id for one in opinions.voted()] == [branch.id]
    assert branches.take_back(chat_id) == "two"  # nothing was answered since: nothing to keep
    assert len(branches.family(chat_id)[1]) == 1


def test_a_change_that_changes_nothing_or_no_question_leaves_the_chat_alone() -> None:
    chat_id = talk(*TURNS, ("user", "three"))
    before = [turn.model_dump() for turn in chat.messages(chat_id)]
    assert branches.edit(chat_id, question(chat_id, 2), "three") is None
    answer = chat.messages(chat_id)[1].id or 0
    for wrong, text in (
        (answer, "x"),
        (10**9, "x"),
        (question(chat_id, 0), " \n"),
        (question(chat_id, 0), "x" * 100_001),
    ):
        with pytest.raises(RefusedError):
            branches.edit(chat_id, wrong, text)
    with pytest.raises(NotFoundError):
        branches.edit("nothing", 1, "x")
    assert [turn.model_dump() for turn in chat.messages(chat_id)] == before
    with pytest.raises(RefusedError, match="Nothing was asked"):
        branches.take_back(chat.new_chat().id)


def test_a_title_that_was_given_stays_when_the_first_question_changes() -> None:
    chat_id = talk(*TURNS)
    chat.rename_chat(chat_id, "Numbers")
    branches.edit(chat_id, question(chat_id, 0), "ONE")
    assert chat.look_up(chat_id).title == "Numbers"
