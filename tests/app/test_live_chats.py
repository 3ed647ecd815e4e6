"""Links to a chat: whoever has one reads the conversation, without a login, and gets at nothing else."""

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from app import live
from app.door import live_door
from engine.chat import answering, chat
from pages.chat import shared_view
from storage import db
from storage.tables import Chat, Message
from tests.app.test_live import HTML, link_to
from tests.browser.stored_runs import add_run
from tests.rest import log_in, make_access, make_client

HOSTILE = (
    "<img src=x onerror=alert(1)> **한국어** ${7*7}\u202e [click](javascript:alert(1)) ![](http://evil.example/x.png)"
)
SECRET = {"system": "secret-prompt", "sampling": {"seed": 4711}, "weights": "secret-run"}


def turn(chat_id: str, side: str, content: str, **more: Any) -> None:
    with db.session() as session:
        session.add(Message(chat_id=chat_id, side=side, content=content, **more))


@pytest.fixture
def talk() -> Chat:
    """Two questions: the first answered by two models, voted for and rated; the second by one, which was stopped."""
    made = chat.new_chat(title="**Sums** <b>")
    turn(made.id, "user", HOSTILE, better="base")
    turn(made.id, "tuned", "<think>Let me see.</think>It is **23**.", model="jokes <i>", rating=1, **SECRET)
    turn(made.id, "base", "```python\nprint('<b>')\n```", model="jokes:base")
    turn(made.id, "user", "And then?")
    turn(made.id, "tuned", "broken of", model="jokes <i>", complete=False)
    return made


def share(chat_id: str, owner: TestClient | None = None, **body: Any) -> tuple[str, str]:
    return link_to(chat_id, owner, kind="chats", **body)


def test_a_stranger_reads_the_conversation_and_nothing_else(talk: Chat) -> None:
    _, path = share(talk.id)
    page = make_client().get(path, headers=HTML)
    assert page.status_code == 200
    answers = ("<strong>23</strong>", "print('&lt;b&gt;')", "<summary>Reasoning</summary>", "broken of …")
    for words in ("<title>Sums &lt;b&gt; - ", "<strong>한국어</strong>", *answers, "jokes &lt;i&gt;", "jokes:base"):
        assert words in page.text, words
    for words in ("<img", 'href="javascript', "secret-", "4711", "better", "rating", talk.id):
        assert words not in page.text, words
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert page.headers["cache-control"] == "no-store"
    assert "set-cookie" not in page.headers


def test_a_link_shows_its_own_chat_and_no_part_of_a_run(talk: Chat) -> None:
    other = chat.new_chat(title="other")
    turn(other.id, "user", "another-question")
    _, path = share(talk.id)
    stranger = make_client()
    assert "And then?" in stranger.get(f"{path}/conversation").text
    assert "another-question" not in stranger.get(path).text
    for below in ("state", "charts", "answers", "metrics", other.id, f"conversation?chat={other.id}/x", "export"):
        answer = stranger.get(f"{path}/{below}")
        assert "another-question" not in answer.text
        assert answer.status_code == 401 or below.startswith("conversation?"), below
    _, run_path = link_to(add_run("jokes"))
    assert stranger.get(f"{run_path}/conversation").status_code == 401
    token = path.removeprefix("/live/")
    for address in (f"/api/chats/{talk.id}", f"/chat?chat={talk.id}", f"/fragments/chat/answers?chat={talk.id}"):
        assert stranger.get(address, headers={"authorization": f"Bearer {token}"}).status_code == 401, address
    assert stranger.post(path).status_code == 405


def test_the_parts_of_each_page_are_those_that_the_door_opens() -> None:
    for kind, parts in live.PARTS.items():
        assert {f"/{name}" for name in parts} <= set(live_door.PARTS[kind])


def test_a_forged_an_expired_and_a_revoked_link_show_the_login_page(
    talk: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, stranger = log_in(make_client()), make_client()
    (first, path), (second, other) = share(talk.id, owner), share(talk.id, owner, expires_in=60)
    assert [link["id"] for link in owner.get(f"/api/chats/{talk.id}/links").json()] == [first, second]
    assert stranger.get(f"{path[:-5]}xxxxx", headers=HTML).headers["location"] == "/login"
    assert owner.delete(f"/api/links/{first}").status_code == 204
    assert stranger.get(path, headers=HTML).headers["location"] == "/login"
    assert stranger.get(other).status_code == 200
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert stranger.get(other, headers=HTML).headers["location"] == "/login"
    assert owner.get(f"/api/chats/{talk.id}/links").json() == []


def test_a_link_goes_with_its_chat_and_needs_one(talk: Chat) -> None:
    owner = log_in(make_client())
    _, path = share(talk.id, owner)
    assert owner.delete(f"/api/chats/{talk.id}").status_code == 204
    assert make_client().get(path, headers=HTML).status_code == 303
    assert owner.post(f"/api/chats/{talk.id}/links").status_code == 404
    assert owner.get("/api/chats/gone/links").status_code == 404


def test_it_is_reached_through_the_tunnel(talk: Chat) -> None:
    access = make_access().shared(7860, "abc.gradio.live")
    owner = log_in(make_client(make_access().shared(1, "abc.gradio.live")))
    url = owner.post(f"/api/chats/{talk.id}/links").json()["url"]
    assert url.startswith("https://abc.gradio.live/live/")
    path = url.removeprefix("https://abc.gradio.live")
    page = make_client(access).get(path, headers=HTML | {"host": "abc.gradio.live"})
    assert "And then?" in page.text


def test_an_answer_on_its_way_is_seen_too(talk: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "data-moving" not in shared_view.conversation_html(talk)
    turn(talk.id, "user", "Third?")
    answer = answering._Answer("so far")
    monkeypatch.setitem(answering._answers, (talk.id, "tuned"), answer)
    shown = shared_view.conversation_html(talk)
    assert "data-moving" in shown
    assert shown.index("Third?") < shown.index("so far …")
    answer.over = True
    assert "so far" not in shared_view.conversation_html(talk)


def test_a_long_chat_says_what_it_leaves_out_and_an_empty_one_that_it_is_empty() -> None:
    made = chat.new_chat()
    assert "Nothing was asked yet." in shared_view.conversation_html(made)
    for number in range(shared_view.MOST_SHOWN + 2):
        turn(made.id, "user", f"question-{number}-")
    shown = shared_view.conversation_html(made)
    assert "The first 2 questions are left out." in shown
    assert ("question-1-" in shown, "question-2-" in shown) == (False, True)
