"""Chats, questions and answers that are deleted: nowhere at once, back within half a minute, then gone."""

import time

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from engine.accounts import live_links
from engine.chat import answering, branches, chat, deleting, opinion_rows, opinions, rows
from engine.errors import ConflictError, NotFoundError
from engine.life import upkeep
from engine.process import plan
from engine.serve import endpoints
from storage import db
from storage.run_lists.hiding import SEEING
from storage.tables import Chat, Message
from tests.engine.chat.test_branches import TURNS, question, said, talk
from tests.serving import bring_up, end_all, finished_run, ready_model


def number(chat_id: str, content: str) -> int:
    return next(turn.id or 0 for turn in chat.messages(chat_id) if turn.content == content)


def shown(chat_id: str, side: chat.Side) -> list[str]:
    """The turns that a model of that side is shown, as `role: content`."""
    return [f"{turn['role']}: {turn['content']}" for turn in chat.conversation(chat_id, side)]


def age(table: type[Chat] | type[Message], seconds: float) -> None:
    with db.session() as session:
        hidden = update(table).where(col(table.deleted_at).is_not(None))
        session.connection().execute(hidden.values(deleted_at=time.time() - seconds))


def everything(table: type[Chat] | type[Message]) -> int:
    with db.reading() as session:
        return len(session.exec(select(table.id), execution_options=SEEING).all())


def test_a_question_goes_with_its_answers_and_comes_back_to_its_place() -> None:
    chat_id = talk(*TURNS, ("user", "three"))
    opinions.vote(question(chat_id, 0), "tuned")
    deletion_id = deleting.delete_message(chat_id, question(chat_id, 0))
    assert said(chat_id) == [*TURNS[3:], ("user", "three")]
    assert shown(chat_id, "tuned") == ["user: two", "assistant: 2", "user: three"]
    assert (chat.look_up(chat_id).title, list(opinions.voted())) == ("two", [])
    assert [row.id for row, _ in chat.recent_chats(words="eins")] == []
    chat.ask(chat_id, "four")
    (waiting,) = deleting.waiting_turns(chat_id)
    assert (waiting.id, waiting.words) == (deletion_id, "Question and 2 answers deleted: “one”")
    words, ids = deleting.undo(deletion_id)
    assert (words, len(ids)) == (waiting.words, 3)
    assert said(chat_id) == [*TURNS, ("user", "three"), ("user", "four")]
    assert (chat.look_up(chat_id).title, len(list(opinions.voted()))) == ("one", 1)
    with pytest.raises(NotFoundError):
        deleting.undo(deletion_id)  # a second click


def test_an_answer_goes_alone_and_what_models_are_shown_and_learn_from_still_takes_turns() -> None:
    chat_id = talk(*TURNS, ("user", "three"))
    deletion_id = deleting.delete_message(chat_id, number(chat_id, "zwei"))
    assert deleting.waiting_turns(chat_id)[0].words == "Answer of base deleted: “zwei”"
    assert shown(chat_id, "base") == ["user: one", "assistant: eins", "user: three"]
    assert shown(chat_id, "tuned") == ["user: one", "assistant: 1", "user: two", "assistant: 2", "user: three"]
    for side, text in (("tuned", "3"), ("base", "drei")):
        chat._store(Message(chat_id=chat_id, side=side, model=side, content=text))
    opinions.vote(question(chat_id, 2), "base")
    kept = [turn["content"] for turn in rows.conversation(chat_id, "base")]
    (preference,) = opinion_rows.preferences()
    assert kept == ["one", "eins", "three", "drei"]
    assert [turn["content"] for turn in preference["prompt"]] == ["one", "eins", "three"]
    deleting.undo(deletion_id)
    assert said(chat_id)[:6] == list(TURNS)


def test_a_chat_whose_last_question_is_deleted_is_empty_and_a_given_title_stays() -> None:
    chat_id = talk(("user", "one"), ("tuned", "1"))
    deletion_id = deleting.delete_message(chat_id, question(chat_id, 0))
    assert (said(chat_id), chat.look_up(chat_id).title) == ([], "")
    deleting.undo(deletion_id)
    assert chat.look_up(chat_id).title == "one"
    chat.rename_chat(chat_id, "Numbers")
    deleting.delete_message(chat_id, question(chat_id, 0))
    assert chat.look_up(chat_id).title == "Numbers"


def test_an_answer_waits_for_its_question_and_a_turn_for_its_chat() -> None:
    chat_id = talk(*TURNS)
    of_answer = deleting.delete_message(chat_id, number(chat_id, "2"))
    of_question = deleting.delete_message(chat_id, question(chat_id, 1))
    of_chat = deleting.delete_chat(chat_id)
    assert [one.words for one in deleting.waiting("default")] == ["one deleted"]
    with pytest.raises(ConflictError, match="The chat that it was said in was deleted too"):
        deleting.undo(of_question)
    deleting.undo(of_chat)
    with pytest.raises(ConflictError, match="The question that it answers was deleted too"):
        deleting.undo(of_answer)
    assert [one.id for one in deleting.waiting("default")] == [of_question, of_answer]
    deleting.undo(of_question)
    deleting.undo(of_answer)
    assert said(chat_id) == list(TURNS)
    deleting.delete_message(chat_id, number(chat_id, "2"))
    deleting.free(deleting.delete_message(chat_id, question(chat_id, 1)))
    assert everything(Message) == 3  # the answer has no place without its question


def test_what_was_deleted_behind_a_question_that_is_changed_or_asked_again_does_not_come_back() -> None:
    chat_id = talk(*TURNS)
    behind = deleting.delete_message(chat_id, question(chat_id, 1))
    branches.edit(chat_id, question(chat_id, 0), "ONE")
    chat._store(Message(chat_id=chat_id, side="tuned", model="tuned", content="I"))
    answer = deleting.delete_message(chat_id, number(chat_id, "I"))
    branches.take_back(chat_id)
    for deletion_id in (behind, answer):
        with pytest.raises(NotFoundError):
            deleting.undo(deletion_id)
    assert said(chat_id) == [("user", "ONE")]


def test_a_chat_comes_back_with_its_earlier_versions_and_its_link() -> None:
    chat_id = talk(*TURNS)
    branch = branches.edit(chat_id, question(chat_id, 1), "TWO")
    assert branch is not None
    opinions.vote(question(branch.id, 0), "base")
    _, token = live_links.create_link("chat", chat_id)
    alone = deleting.delete_chat(branch.id)
    deleting.undo(alone)
    deletion_id = deleting.delete_chat(chat_id)
    for gone in (chat_id, branch.id):
        with pytest.raises(NotFoundError):
            chat.look_up(gone)
        assert chat.messages(gone) == []
    assert (list(opinions.voted()), list(chat.recent_chats())) == ([], [])
    assert set(deleting.undo(deletion_id)[1]) == {chat_id, branch.id}
    assert said(branch.id) == list(TURNS)
    assert live_links.opened_by(token) == live_links.Opened("chat", chat_id)
    alone = deleting.delete_chat(branch.id)
    whole = deleting.delete_chat(chat_id)
    with pytest.raises(ConflictError, match="an earlier version of was deleted too"):
        deleting.undo(alone)
    deleting.undo(whole)
    assert deleting.undo(alone)[1] == [branch.id]


def test_after_half_a_minute_all_of_it_is_gone_whoever_lives_then() -> None:
    chat_id, other = talk(*TURNS), talk(*TURNS)
    branches.edit(chat_id, question(chat_id, 1), "TWO")
    deletions = [deleting.delete_chat(chat_id), deleting.delete_message(other, question(other, 0))]
    for table in (Chat, Message):
        age(table, 31)
    for deletion_id in deletions:
        with pytest.raises(ConflictError):
            deleting.undo(deletion_id)
    upkeep.CHORES["deleted chats"].act()
    assert (everything(Chat), everything(Message)) == (3, 4 + 6 + 6)
    for table in (Chat, Message):
        age(table, 33)
    upkeep.CHORES["deleted chats"].act()
    assert (everything(Chat), everything(Message)) == (1, 3)
    assert said(other) == list(TURNS[3:])


def test_no_message_is_deleted_while_its_chat_is_answered_and_none_of_another_chat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    bring_up(endpoints.serve_run(finished_run(ready_model(), name="jokes").id))
    chat_id, other = talk(("user", "slow " * 500)), talk(*TURNS)
    answering.begin(answering.Question(chat_id, "tuned", "jokes"))
    with pytest.raises(ConflictError, match="still being answered"):
        deleting.delete_message(chat_id, question(chat_id, 0))
    with pytest.raises(NotFoundError, match="no message"):
        deleting.delete_message(other, question(chat_id, 0))
    answering.stop(chat_id)
    answer = chat.answer(chat_id, "base", "jokes:base")
    next(answer)
    deleting.delete_message(chat_id, question(chat_id, 0))  # in another process, which does not know who writes
    answer.close()
    assert said(chat_id) == []
    end_all()
