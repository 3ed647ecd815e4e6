"""Chats, with a real process behind the endpoint."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from engine.accounts import usage
from engine.chat import chat, deleting
from engine.chat.sampling import Sampling
from engine.errors import NotFoundError, RefusedError
from engine.process import plan
from engine.serve import endpoints, probe
from engine.serve.routing import NotReadyError
from storage import db
from storage import usage as stored_usage
from storage.tables import Message
from tests.serving import bring_up, end_all, finished_run, http_server, outside_api, ready_model
from tests.waiting import wait_for


@pytest.fixture
def jokes(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An endpoint named jokes; gives the address of its backend."""
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    run = finished_run(ready_model(), name="jokes")
    yield str(bring_up(endpoints.serve_run(run.id)).address)
    end_all()


def test_a_question_is_answered_by_both_sides_and_all_of_it_is_kept(jokes: str) -> None:
    talk = chat.new_chat()
    chat.ask(talk.id, "  What is\n17 plus 6?")
    tuned = "".join(chat.answer(talk.id, "tuned", "jokes"))
    base = "".join(chat.answer(talk.id, "base", "jokes:base"))
    assert base.startswith("base says")
    assert tuned != base
    stored = [(turn.side, turn.content, turn.complete) for turn in chat.messages(talk.id)]
    assert stored == [("user", "  What is\n17 plus 6?", True), ("tuned", tuned, True), ("base", base, True)]
    assert chat.look_up(talk.id).title == "What is 17 plus 6?"
    assert [turn.side for turn in chat.messages(talk.id, "base")] == ["user", "base"]


def test_what_is_asked_in_a_chat_is_counted_under_the_studios_own_name(jokes: str) -> None:
    """With the tokens that the server told, however it ended; no key's limit applies, as there is none."""
    said = "".join(chat.stream("jokes", [{"role": "user", "content": "one two"}]))
    with closing(chat.stream("jokes:base", [{"role": "user", "content": "slow " * 500}])) as stopped:
        next(stopped)
    with pytest.raises(chat.ChatError, match="broke off"):
        list(chat.stream("jokes", [{"role": "user", "content": "die"}]))
    with db.reading() as session:
        left, broken = (stored_usage.recent(session, 10)[place] for place in (1, 0))
        first = stored_usage.recent(session, 10)[2]
    assert (first.key_id, first.model, first.status, first.stream) == ("studio", "jokes", 200, True)
    words = len(said.split("  ")) + 1  # "RUN says" is one word of the fake server, and each of the others
    assert (first.prompt_tokens, first.completion_tokens, first.estimated) == (words, words, False)
    assert 0 < (first.first_token_seconds or 0) <= first.seconds
    assert (left.model, left.status, left.completion_tokens, left.estimated) == ("jokes:base", 499, 1, True)
    assert (broken.status, broken.completion_tokens) == (502, 0)
    [line] = usage.lines("key")
    assert (line.id, line.name, line.requests, line.errors) == ("studio", "studio", 3, 2)


def test_a_stopped_answer_keeps_what_had_come_and_the_model_stops(jokes: str) -> None:
    talk = chat.new_chat()
    chat.ask(talk.id, "slow " * 500)
    with closing(chat.answer(talk.id, "tuned", "jokes")) as answer:
        first = next(answer)
    assert [(turn.content, turn.complete) for turn in chat.messages(talk.id)[1:]] == [(first, False)]
    wait_for(lambda: probe.in_flight(jokes) == 0)


def test_a_model_that_dies_leaves_its_words_and_an_error(jokes: str) -> None:
    talk = chat.new_chat()
    chat.ask(talk.id, "die")
    with pytest.raises(chat.ChatError, match="broke off"):
        list(chat.answer(talk.id, "tuned", "jokes"))
    assert len(chat.messages(talk.id)) == 1


def test_an_answer_that_ends_too_early_is_kept_as_incomplete_and_told(jokes: str) -> None:
    talk = chat.new_chat()
    chat.ask(talk.id, "early")
    with pytest.raises(chat.ChatError, match="in the middle of its answer"):
        list(chat.answer(talk.id, "tuned", "jokes"))
    assert [turn.complete for turn in chat.messages(talk.id)] == [True, False]


def test_each_side_sees_its_own_answers_and_the_newest_turns() -> None:
    talk = chat.new_chat()
    for number in range(30):
        chat.ask(talk.id, f"question {number}")
        for side in ("tuned", "base"):
            chat._store(Message(chat_id=talk.id, side=side, content=f"{side} {number}"))
    turns = chat.conversation(talk.id, "base", " Be short. ")
    assert turns[0] == {"role": "system", "content": "Be short."}
    assert turns[1] == {"role": "user", "content": "question 10"}
    assert turns[-1] == {"role": "assistant", "content": "base 29"}
    assert len(turns) == chat.MOST_TURNS + 1
    chat.ask(talk.id, "last")
    assert chat.conversation(talk.id, "base")[0] == {"role": "user", "content": "question 11"}


def test_chats_are_listed_and_deleted() -> None:
    first = chat.latest_chat()
    assert chat.latest_chat().id == first.id
    second = chat.new_chat(title="x" * 100)
    assert len(second.title) == chat.TITLE_CHARACTERS
    assert [talk.id for talk, _ in chat.recent_chats()] == [second.id, first.id]
    chat.ask(first.id, "hello")
    deleting.delete_chat(first.id)
    with pytest.raises(NotFoundError):
        chat.look_up(first.id)


def test_an_answer_for_a_chat_that_was_deleted_meanwhile_is_dropped(jokes: str) -> None:
    talk = chat.new_chat()
    chat.ask(talk.id, "hello")
    answer = chat.answer(talk.id, "tuned", "jokes")
    next(answer)
    deleting.delete_chat(talk.id)
    list(answer)
    assert chat.messages(talk.id) == []


def test_wrong_questions_are_refused() -> None:
    talk = chat.new_chat()
    with pytest.raises(RefusedError, match="empty"):
        chat.ask(talk.id, " \n ")
    with pytest.raises(RefusedError, match="characters"):
        chat.ask(talk.id, "x" * 100_001)
    with pytest.raises(NotFoundError):
        chat.ask("nothing", "hello")
    with pytest.raises(NotFoundError):
        next(chat.stream("nothing", []))
    endpoints.create_endpoint("waiting", model_id=ready_model().id)
    with pytest.raises(NotReadyError):
        next(chat.stream("waiting", []))


def test_an_outside_model_chats_too_and_its_refusals_are_shown() -> None:
    with http_server(outside_api([])) as url:
        options = {"url": f"{url}/v1", "model": "big"}
        bring_up(endpoints.create_endpoint("cloud", "external", options=options))
        hello = [{"role": "user", "content": "hello"}]
        assert "".join(chat.stream("cloud", hello, Sampling(seed=1))) == "outside"
        with pytest.raises(chat.ChatError, match="status 502"):
            list(chat.stream("cloud", [{"role": "user", "content": "html"}]))


def test_a_chat_is_renamed_and_found_by_its_title_or_what_was_said() -> None:
    sums, talk = chat.new_chat(title="Sums"), chat.new_chat(title="Talk")
    chat.ask(talk.id, "Where is the 100 % Eiffel Tower?")
    assert chat.rename_chat(sums.id, "  Plus   and minus ").title == "Plus and minus"
    with pytest.raises(RefusedError):
        chat.rename_chat(sums.id, " ")

    def listed(words: str) -> list[str]:
        return [found.id for found, _ in chat.recent_chats(words=words)]

    assert listed("minus plus") == [sums.id]
    assert listed("tower eiffel") == [talk.id]
    assert listed("100 %") == [talk.id]
    assert listed("tower minus") == []
    assert set(listed("")) == {sums.id, talk.id}
