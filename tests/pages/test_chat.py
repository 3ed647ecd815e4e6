"""The Chat page: what it shows first, and both sides' answers as they come."""

import inspect
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from engine.chat import answering, chat
from engine.process import plan
from engine.serve import endpoints, routing
from pages.chat import attaching, beside, opening, opinion_view, page, settings, sides
from pages.chat.beside import ITS_BASE, NOTHING
from pages.chat.earlier import earlier_html, plain_title
from pages.chat.versions import versions_html
from storage.tables import Message
from tests.pages.clicks import Click
from tests.serving import bring_up, end_all, finished_run, ready_model

ANY = {"project": "default"}
SHARED = ("", 0, 64, 1, "", "", 1)
SETTINGS = (*SHARED, False, False, *SHARED, *SHARED)
FIRST = ("id", "model", "beside", "first", "second", "sides", "own", "first_own", "second_own", "tuned", "base", "text")


class Browser:
    """A request with that query and no cookies."""

    cookies: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, **query: str) -> None:
        self.query_params = query


def opened(**query: str) -> dict[str, Any]:
    values = opening.open_chat(Browser(**query))
    names = (*FIRST, "send", "stop")
    return {**dict(zip(names, values, strict=False)), "settings": values[len(names) :]}


def ask(chat_id: str, text: str, model: str | None, other: str = ITS_BASE, files: list[str] | None = None) -> Any:
    return sides.ask(chat_id, text, files, model, other, *SETTINGS)


@pytest.fixture
def jokes(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An endpoint of that name, with a real process behind it."""
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    endpoint = endpoints.serve_run(finished_run(ready_model(), name="jokes").id)
    assert "A model is starting" in page.served_html(ANY)
    bring_up(endpoint)
    routing.forget()
    yield "jokes"
    answering.stop_all()
    end_all()


def test_without_a_model_the_page_says_what_to_do(toasts: list[str]) -> None:
    assert "No model answers yet" in page.served_html(ANY)
    first = opened()
    assert first["model"]["value"] is None
    assert ask(first["id"], "hello", None) == (gr.skip(),) * 7
    assert "There is no model to ask" in toasts[0]


def test_both_sides_answer_and_a_reload_shows_it_all(jokes: str) -> None:
    assert page.served_html(ANY) == ""
    first = opened(ask="What is 17 plus 6?")
    assert first["model"]["value"] == jokes
    assert not any(name.endswith(":base") for name in first["model"]["choices"])
    assert first["text"] == "What is 17 plus 6?"
    chat_id, cleared, _files, tuned, base, send, stop = ask(first["id"], "What is 17 plus 6?", jokes)
    assert (send["interactive"], stop["interactive"]) == (False, True)
    assert cleared == ""
    assert tuned == base == [{"role": "user", "content": "What is 17 plus 6?"}]
    tuned_answers, base_answers = list(sides.follow_tuned(chat_id)), list(sides.follow_base(chat_id))
    assert tuned_answers[-1][-1]["role"] == "assistant"
    assert "What is 17 plus 6?" in tuned_answers[-1][-1]["content"]
    assert base_answers[-1][-1]["content"].startswith("base says")
    again = opened(chat=chat_id)
    assert again["tuned"] == tuned_answers[-1]
    assert again["base"] == base_answers[-1]
    assert f"/chat?chat={chat_id}" in earlier_html(ANY)
    assert earlier_html({**ANY, "chat": chat_id}) == ""  # the open chat is not an earlier one
    assert [button["interactive"] for button in sides.buttons_of(chat_id)] == [True, False]


def test_who_asks_before_the_page_has_chosen_is_answered_by_what_is_served(jokes: str) -> None:
    first = opened()
    assert first["text"] == gr.skip()
    chat_id = ask(first["id"], "one", None)[0]
    assert "one" in list(sides.follow_tuned(chat_id))[-1][-1]["content"]


def test_an_earlier_chat_is_deleted_and_the_open_one_makes_way_for_a_new_one(toasts: list[str]) -> None:
    earlier, now = chat.new_chat(title="earlier"), chat.new_chat(title="now")
    assert f'data-act="delete" data-id="{earlier.id}"' in earlier_html(ANY)
    assert opening.act(now.id, Click("delete", earlier.id), Browser()) == (gr.skip(),) * 5
    assert earlier.id not in earlier_html(ANY)
    new_id, tuned, base, *_ = opening.act(now.id, Click("delete", now.id), Browser())
    assert (chat.messages(new_id), tuned, base) == ([], [], [])
    assert opening.act(new_id, Click("delete", "gone"), Browser()) == (gr.skip(),) * 5
    (toast,) = toasts  # what was deleted stands above the list, with a button that brings it back
    assert toast.startswith("There is no chat `gone`.")


def test_a_new_chat_is_empty_and_the_old_one_stays(jokes: str) -> None:
    chat_id = ask(opened()["id"], "one", jokes)[0]
    new_id, tuned, base, *_ = opening.begin(Browser())
    assert new_id != chat_id
    assert opinion_view.answers_html({**ANY, "chat": new_id}) == versions_html({"chat": new_id}) == ""
    assert (tuned, base) == ([], [])
    assert opened(chat=chat_id)["tuned"][0]["content"] == "one"


def test_the_base_is_silent_when_it_is_hidden(jokes: str) -> None:
    chat_id = ask(opened()["id"], "one", jokes, NOTHING)[0]
    assert list(sides.follow_base(chat_id)) == [[{"role": "user", "content": "one"}]]
    assert list(sides.follow_tuned(chat_id))[-1][-1]["role"] == "assistant"


def test_an_answer_goes_on_while_nobody_looks_and_a_page_that_is_opened_follows_it(jokes: str) -> None:
    chat_id = ask(opened()["id"], "slow " * 6, jokes)[0]
    first = sides.follow_tuned(chat_id)
    begun = next(first)[-1]["content"]
    del first  # the page is reloaded
    again = opened(chat=chat_id)
    assert (again["send"]["interactive"], again["stop"]["interactive"]) == (False, True)
    followed = list(sides.follow_tuned(chat_id))
    assert followed[-1][-1]["content"].startswith(begun)
    assert len(followed[-1][-1]["content"]) > len(begun)
    list(sides.follow_base(chat_id))
    assert [turn.complete for turn in chat.messages(chat_id)] == [True, True, True]


def test_stop_keeps_what_had_come_and_a_second_question_waits_for_it(jokes: str, toasts: list[str]) -> None:
    chat_id = ask(opened()["id"], "slow " * 200, jokes)[0]
    seen: list[Any] = []
    window = threading.Thread(target=lambda: seen.extend(sides.follow_tuned(chat_id)))
    window.start()
    next(sides.follow_tuned(chat_id))
    assert ask(chat_id, "another", jokes) == (gr.skip(),) * 7
    assert "still being answered" in toasts[0]
    tuned, _base, send, stop = sides.stop(chat_id)
    assert tuned[-1]["content"].endswith("…")
    window.join(30)
    assert seen[-1] == tuned  # another window that followed shows what was stored
    assert (send["interactive"], stop["interactive"]) == (True, False)
    assert ask(chat_id, "another", jokes)[0] == chat_id


def test_an_answer_is_written_again_with_the_settings_of_now(jokes: str, toasts: list[str]) -> None:
    chat_id = ask(opened()["id"], "one", jokes, NOTHING)[0]
    list(sides.follow_tuned(chat_id))
    tuned, _base, send, stop = sides.again(
        chat_id, jokes, ITS_BASE, "Be brief.", 0.7, 64, 0.9, "7", "END", 1, *SETTINGS[7:]
    )
    assert [turn["role"] for turn in tuned] == ["user"]
    assert (send["interactive"], stop["interactive"]) == (False, True)
    for follow in (sides.follow_tuned, sides.follow_base):
        assert [turn["role"] for turn in list(follow(chat_id))[-1]] == ["user", "assistant"]
    assert sides.again(chat_id, jokes, ITS_BASE, "", 0, 64, 1, "seven", "", 1, *SETTINGS[7:]) == (gr.skip(),) * 4
    assert "seed is `seven`" in toasts[0]
    assert len(chat.messages(chat_id)) == 3  # a wrong seed has taken nothing away


def test_each_model_answers_with_its_own_settings_and_the_next_visit_has_them(jokes: str) -> None:
    own = ("Be brief.", 1.5, 32, 0.9, "7", "END", 1.3)
    asked = sides.ask(opened()["id"], "one", None, jokes, ITS_BASE, *SHARED, False, True, *SHARED, *own)
    chat_id = asked[0]
    for follow in (sides.follow_tuned, sides.follow_base):
        list(follow(chat_id))
    drawn = {turn.side: (turn.system, turn.sampling) for turn in chat.messages(chat_id)}
    both: dict[str, Any] = {
        "temperature": 0,
        "max_tokens": 64,
        "top_p": 1,
        "seed": None,
        "stop": [],
        "repetition_penalty": 1,
    }
    alone: dict[str, Any] = {"temperature": 1.5, "max_tokens": 32, "top_p": 0.9, "seed": 7, "stop": ["END"]}
    alone["repetition_penalty"] = 1.3
    assert drawn == {"user": ("", None), "tuned": ("", both), "base": ("Be brief.", alone)}
    shown = opinion_view.answers_html({**ANY, "chat": chat_id})
    assert "Temperature 0, at most 64 tokens<" in shown
    assert "Temperature 1.5, at most 32 tokens, top-p 0.9, repetition penalty 1.3, seed 7, 1 stop text<" in shown
    assert shown.count("Be brief.") == 1
    first = opened(chat=chat_id)["settings"]
    assert tuple(first[:23]) == (*SHARED, False, True, *SHARED, *own)
    assert [column["visible"] for column in first[23:]] == [False, True]
    assert set(map(str, opened(chat=chat.new_chat().id)["settings"])) == {str(gr.skip())}


def test_one_model_alone_takes_the_settings_that_are_seen(jokes: str) -> None:
    (side,) = settings.answerers(jokes, NOTHING, (*SHARED, True, True, "Hidden", *SHARED[1:], *SHARED)).values()
    assert side.system == ""
    assert settings.switched(False, *SHARED) == [gr.update(visible=False), *[gr.skip()] * 7]
    assert settings.switched(True, *SHARED) == [gr.update(visible=True), *SHARED]


class Edit:
    """A bubble that was written anew, as Gradio tells of it."""

    def __init__(self, index: int, value: Any) -> None:
        self.index, self.value = index, value


def test_a_question_is_asked_in_other_words_and_what_stood_there_is_kept(jokes: str, toasts: list[str]) -> None:
    chat_id = ask(opened()["id"], "one", jokes)[0]
    for follow in (sides.follow_tuned, sides.follow_base):
        list(follow(chat_id))
    assert versions_html({"chat": chat_id}) == ""
    thought = {"role": "assistant", "content": "hm"}  # reasoning is shown as a turn of its own
    first, *rest = sides.turns_of(chat_id, "tuned")
    shown = [first, thought, *rest]
    changed: Any = Edit(0, [{"type": "text", "text": "two <b>"}])
    tuned, base, send, _stop = sides.edit(changed, chat_id, shown, jokes, ITS_BASE, *SETTINGS)
    assert tuned == base == [{"role": "user", "content": "two <b>"}]
    assert not send["interactive"]
    assert "two" in list(sides.follow_tuned(chat_id))[-1][-1]["content"]
    list(sides.follow_base(chat_id))
    links = versions_html({"chat": chat_id})
    assert "1 earlier version" in links
    assert "Up to “one”" in links
    assert chat_id not in earlier_html({**ANY, "chat": chat_id})
    away: Any = Edit(5, "x")
    assert sides.edit(away, chat_id, [], jokes, ITS_BASE, *SETTINGS)[0] == sides.turns_of(chat_id, "tuned")
    assert "another window" in toasts[0]
    assert versions_html({"chat": "gone"}) == versions_html({}) == ""


def test_any_two_models_answer_beside_each_other_and_the_next_visit_remembers_it(jokes: str) -> None:
    endpoint = endpoints.serve_run(finished_run(ready_model(), name="sums").id)
    bring_up(endpoint)
    routing.forget()
    first = opened(beside="sums")
    assert (first["beside"]["value"], first["second"]) == ("sums", gr.update(label="sums", visible=True))
    assert {"sums", "sums:base", NOTHING, ITS_BASE} <= set(first["beside"]["choices"])
    chat_id = ask(first["id"], "one", jokes, "sums")[0]
    for follow in (sides.follow_tuned, sides.follow_base):
        list(follow(chat_id))
    assert {turn.side: turn.model for turn in chat.messages(chat_id)} == {"user": "", "tuned": "jokes", "base": "sums"}
    assert opened(chat=chat_id)["beside"]["value"] == "sums"
    assert beside.models("jokes", ITS_BASE) == {"tuned": "jokes", "base": "jokes:base"}
    assert beside.models("jokes:base", ITS_BASE) == {"tuned": "jokes:base"}
    assert beside.models(None, NOTHING) == {"tuned": "jokes"}
    _first, second, choice, own, *_labels = beside.shown("jokes", NOTHING)
    assert not second["visible"]
    assert not own["visible"]
    assert [side for _, side in choice["choices"]] == ["Tuned", "Base"]


def test_answers_are_rated_and_voted_on_and_become_datasets(jokes: str, toasts: list[str], tmp_path: Path) -> None:
    chat_id = ask(opened()["id"], "one <i>", jokes)[0]
    for follow in (sides.follow_tuned, sides.follow_base):
        list(follow(chat_id))
    ids = {turn.side: str(turn.id) for turn in chat.messages(chat_id)}
    question, tuned = ids["user"], ids["tuned"]
    here = {**ANY, "chat": chat_id}
    assert opinion_view.opinions_html(here) == opinion_view.answers_html(ANY) == ""
    assert "3 tokens" in opinion_view.answers_html(here)
    opinion_view.act(Click("good", tuned), Browser())
    opinion_view.act(Click("vote-tuned", question), Browser())
    shown = opinion_view.answers_html(here)
    assert shown.count('aria-pressed="true"') == 2
    assert "jokes won 1 of 1 against jokes:base" in opinion_view.opinions_html(here)
    assert 'data-act="make-ratings"' in opinion_view.opinions_html(here)
    opinion_view.act(Click("make-votes"), Browser())
    assert "The dataset Votes from chat is being made." in toasts[0]
    for act, id in (("unrate", tuned), ("unvote", question)):
        opinion_view.act(Click(act, id), Browser())
    assert 'aria-pressed="true"' not in opinion_view.answers_html(here)
    opinion_view.act(Click("make-ratings"), Browser())
    assert "There are no ratings to learn from." in toasts[1]
    table = tmp_path / "표.csv"
    table.write_text("x,y\n1,2\n")
    _id, _text, files, turns, *_ = ask(chat_id, "Look.", jokes, files=[str(table)])
    assert files == gr.update(value=None, visible=False)
    assert turns[-1]["content"] == "Look.\n\n`표.csv`\n\n```csv\nx,y\n1,2\n```"
    for follow in (sides.follow_tuned, sides.follow_base):
        list(follow(chat_id))
    assert "Earlier answers (1)" in opinion_view.answers_html(here)
    assert "one &lt;i&gt;" in opinion_view.answers_html(here)


def test_files_are_looked_at_when_they_are_chosen(toasts: list[str], tmp_path: Path) -> None:
    good, bad = tmp_path / "표.csv", tmp_path / "cat.png"
    good.write_text("x,y\n1,2\n")
    bad.write_bytes(b"\x89PNG")
    assert attaching.attach(None, [str(good)]) == gr.update(value=[str(good)], visible=True)
    assert attaching.attach([str(good)], [str(bad)]) == gr.skip()
    assert "is a picture" in toasts[0]
    assert attaching.shown([]) == gr.update(visible=False)


def test_earlier_chats_are_searched_and_renamed(toasts: list[str]) -> None:
    chat.new_chat(title="Sums <b>")
    talk = chat.new_chat(title="Talk")
    assert "Talk" not in earlier_html({**ANY, "find": "sums"})
    assert "No other chat has that." in earlier_html({**ANY, "find": "nothing of it"})
    assert "<b>" not in earlier_html(ANY)
    assert opening.act("", Click("rename", talk.id, title="Talks"), Browser()) == (gr.skip(),) * 5
    assert "Talks" in earlier_html(ANY)
    opening.act("", Click("rename", talk.id, title=" "), Browser())
    assert len(toasts) == 1


def test_a_model_that_breaks_off_says_so_in_the_chat(jokes: str) -> None:
    chat_id = ask(opened()["id"], "die", jokes)[0]
    for _ in range(2):  # also for who opens the page after that
        assert "broke off" in list(sides.follow_tuned(chat_id))[-1][-1]["content"]


def test_answers_stream_because_gradio_sees_a_generator() -> None:
    assert inspect.isgeneratorfunction(sides.follow_tuned)
    assert inspect.isgeneratorfunction(sides.follow_base)


def test_what_was_stopped_is_marked_as_unfinished() -> None:
    message = Message(chat_id="c", side="tuned", content="half an ans", complete=False)
    assert sides._turn(message) == {"role": "assistant", "content": "half an ans …"}


def test_an_endpoint_named_in_the_address_is_chosen_even_while_it_starts() -> None:
    assert opened(endpoint="later")["model"]["value"] == "later"


def test_an_unknown_chat_opens_the_latest() -> None:
    latest = chat.latest_chat()
    assert opened(chat="nothere")["id"] == latest.id


@pytest.mark.parametrize(
    ("title", "plain"),
    [("What is **17** plus `6`?", "What is 17 plus 6?"), ("# Head", "Head"), ("2 * 3 = 6", "2 * 3 = 6"), ("**", "**"),
     ("snake_case and _soft_", "snake_case and soft")],
)  # fmt: skip
def test_a_title_shows_no_marks_of_markdown(title: str, plain: str) -> None:
    assert plain_title(title) == plain


def test_each_model_is_offered_once(jokes: str) -> None:
    assert opened()["model"]["choices"] == ["jokes"]


def test_chats_are_listed_by_when_something_was_said_last() -> None:
    first, second = chat.new_chat(title="first"), chat.new_chat(title="second")
    assert chat.latest_chat().id == second.id
    chat.ask(first.id, "more")
    listed = earlier_html(ANY)
    assert listed.index("first") < listed.index("second")
    assert chat.latest_chat().id == first.id


def test_the_text_grows_and_ends_complete() -> None:
    shown = list(sides.grown(piece for piece in ("a", "b", "c")))
    assert shown[-1] == "abc"
    assert all("abc".startswith(text) for text in shown)
    nothing: list[str] = []
    assert list(sides.grown(piece for piece in nothing)) == []


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
