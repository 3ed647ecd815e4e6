"""The Chat page: what it shows first, and both sides' answers as they come."""

import inspect
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from engine.chat import chat
from engine.process import plan
from engine.serve import endpoints, routing
from pages import chat as page
from storage.tables import Message
from tests.pages.clicks import Click
from tests.serving import bring_up, end_all, finished_run, ready_model

ANY = {"project": "default"}


class Browser:
    """A request with that query and no cookies."""

    cookies: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, **query: str) -> None:
        self.query_params = query


def opened(**query: str) -> dict[str, Any]:
    names = ("id", "model", "beside", "base_shown", "tuned", "base", "text")
    return dict(zip(names, page.open_chat(Browser(**query)), strict=True))


@pytest.fixture
def jokes(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An endpoint of that name, with a real process behind it."""
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    endpoint = endpoints.serve_run(finished_run(ready_model(), name="jokes").id)
    assert "A model is starting" in page.served_html(ANY)
    bring_up(endpoint)
    routing.forget()
    yield "jokes"
    end_all()


def test_without_a_model_the_page_says_what_to_do(toasts: list[str]) -> None:
    assert "No model answers yet" in page.served_html(ANY)
    first = opened()
    assert first["model"]["value"] is None
    assert page.ask(first["id"], "hello", None)[2] == ""
    assert "There is no model to ask" in toasts[0]


def test_both_sides_answer_and_a_reload_shows_it_all(jokes: str) -> None:
    assert page.served_html(ANY) == ""
    first = opened(ask="What is 17 plus 6?")
    assert first["model"]["value"] == jokes
    assert not any(name.endswith(":base") for name in first["model"]["choices"])
    assert first["text"] == "What is 17 plus 6?"
    chat_id, cleared, question_id, tuned, base = page.ask(first["id"], "What is 17 plus 6?", jokes)
    assert cleared == ""
    assert tuned == base == [{"role": "user", "content": "What is 17 plus 6?"}]
    tuned_answers = list(page.answer_tuned(chat_id, question_id, jokes, "", 0, 64))
    base_answers = list(page.answer_base(chat_id, question_id, jokes, "", 0, 64, True))
    assert tuned_answers[-1][-1]["role"] == "assistant"
    assert "What is 17 plus 6?" in tuned_answers[-1][-1]["content"]
    assert base_answers[-1][-1]["content"].startswith("base says")
    again = opened(chat=chat_id)
    assert again["tuned"] == tuned_answers[-1]
    assert again["base"] == base_answers[-1]
    assert f"/chat?chat={chat_id}" in page.earlier_html(ANY)


def test_who_asks_before_the_page_has_chosen_is_answered_by_what_is_served(jokes: str) -> None:
    first = opened()
    assert first["text"] == gr.skip()
    chat_id, _, question_id, *_ = page.ask(first["id"], "one", None)
    assert "one" in list(page.answer_tuned(chat_id, question_id, None, "", 0, 64))[-1][-1]["content"]


def test_an_earlier_chat_is_deleted_and_the_open_one_makes_way_for_a_new_one(toasts: list[str]) -> None:
    earlier, now = chat.new_chat(title="earlier"), chat.new_chat(title="now")
    assert f'data-act="delete" data-id="{earlier.id}"' in page.earlier_html(ANY)
    assert page.delete(now.id, Click("delete", earlier.id), Browser()) == (gr.skip(),) * 3
    assert "earlier" not in page.earlier_html(ANY).replace("Earlier", "").replace("ts-earlier", "")
    new_id, tuned, base = page.delete(now.id, Click("delete", now.id), Browser())
    assert (chat.messages(new_id), tuned, base) == ([], [], [])
    assert page.delete(new_id, Click("delete", "gone"), Browser()) == (gr.skip(),) * 3
    assert toasts[:2] == ["The chat is deleted.", "The chat is deleted."]
    assert toasts[2].startswith("There is no chat `gone`.")


def test_a_new_chat_is_empty_and_the_old_one_stays(jokes: str) -> None:
    chat_id = page.ask(opened()["id"], "one", jokes)[0]
    new_id, tuned, base = page.begin(Browser())
    assert new_id != chat_id
    assert (tuned, base) == ([], [])
    assert len(opened(chat=chat_id)["tuned"]) == 1


def test_the_base_is_silent_when_it_is_hidden_or_nothing_was_asked(jokes: str) -> None:
    chat_id, _, question_id, *_ = page.ask(opened()["id"], "one", jokes)
    assert list(page.answer_base(chat_id, question_id, jokes, "", 0, 64, False)) == []
    assert list(page.answer_tuned(chat_id, "", jokes, "", 0, 64)) == []


def test_a_model_that_breaks_off_says_so_in_the_chat(jokes: str) -> None:
    chat_id, _, question_id, *_ = page.ask(opened()["id"], "die", jokes)
    shown = list(page.answer_tuned(chat_id, question_id, jokes, "", 0, 64))
    assert "broke off" in shown[-1][-1]["content"]


def test_answers_stream_because_gradio_sees_a_generator() -> None:
    assert inspect.isgeneratorfunction(page.answer_tuned)
    assert inspect.isgeneratorfunction(page.answer_base)


def test_what_was_stopped_is_marked_as_unfinished() -> None:
    message = Message(chat_id="c", side="tuned", content="half an ans", complete=False)
    assert page._turn(message) == {"role": "assistant", "content": "half an ans …"}


def test_an_endpoint_named_in_the_address_is_chosen_even_while_it_starts() -> None:
    assert opened(endpoint="later")["model"]["value"] == "later"


def test_an_unknown_chat_opens_the_latest() -> None:
    latest = chat.latest_chat()
    assert opened(chat="nothere")["id"] == latest.id


def test_the_text_grows_and_ends_complete() -> None:
    shown = list(page.grown(iter(["a", "b", "c"])))
    assert shown[-1] == "abc"
    assert all("abc".startswith(text) for text in shown)
    assert list(page.grown(iter([]))) == []


def test_questions_of_the_address_stand_ready_to_be_asked() -> None:
    shown = page.questions_html({"ask": "What is 17 plus 6?", "then": "<img src=x onerror=alert(1)> Why?"})
    assert shown.count('data-act="ask"') == 2
    assert 'data-id="What is 17 plus 6?"' in shown
    assert "<img" not in shown
    clicked: Any = Click("ask", "What is 17 plus 6?")
    assert page.fill(clicked) == "What is 17 plus 6?"


@pytest.mark.parametrize("query", [{}, {"ask": "One?"}])
def test_a_single_question_stands_in_the_message_already(query: dict[str, str]) -> None:
    assert page.questions_html(query) == ""
