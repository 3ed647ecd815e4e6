"""The login page: the right word opens, the wrong one waits longer and longer."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from app.door import throttle
from app.door.access import Access
from app.door.sessions import Sessions
from tests.rest import PASSWORD, TOKEN, make_access, make_client


@pytest.fixture
def browser() -> TestClient:
    return make_client(make_access(password=PASSWORD))


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN])
def test_the_password_or_the_token_logs_in(browser: TestClient, secret: str) -> None:
    answer = browser.post("/login", data={"secret": secret, "next": "/runs?run=a"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?run=a")
    assert browser.get("/api/projects").status_code == 200
    stolen = dict(browser.cookies)
    browser.post("/logout")
    assert browser.get("/api/projects").status_code == 401
    browser.cookies.update(stolen)
    assert browser.get("/api/projects").status_code == 401
    after_a_restart = make_client(make_access(password=PASSWORD))
    after_a_restart.cookies.update(stolen)
    assert after_a_restart.get("/api/projects").status_code == 401


def test_a_wrong_password_is_said_on_the_page(browser: TestClient) -> None:
    answer = browser.post("/login", data={"secret": "wrong"})
    assert answer.status_code == 401
    assert "Wrong password or token." in answer.text
    assert "set-cookie" not in answer.headers


def test_after_five_wrong_tries_even_the_right_one_has_to_wait(browser: TestClient) -> None:
    for _ in range(throttle.TRIES):
        assert browser.post("/login", data={"secret": "wrong"}).status_code == 401
    answer = browser.post("/login", data={"secret": PASSWORD})
    assert answer.status_code == 429
    assert 50 < int(answer.headers["retry-after"]) <= 61


def test_each_pause_is_twice_as_long_and_others_are_not_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(throttle, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    guessing = throttle.Throttle()
    waits = []
    for _ in range(9):
        assert [guessing.begin("1.2.3.4") for _ in range(throttle.TRIES)] == [0] * throttle.TRIES
        waits.append(guessing.begin("1.2.3.4"))
        clock[0] += waits[-1]
    assert waits[:4] == [60, 120, 240, 480]
    assert waits[-1] == throttle.LONGEST_PAUSE_SECONDS
    assert guessing.begin("5.6.7.8") == 0
    guessing.succeeded("1.2.3.4")
    assert guessing.begin("1.2.3.4") == 0


def test_four_wrong_tries_a_minute_are_a_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(throttle, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    mistyping = throttle.Throttle()
    for _ in range(40):
        assert mistyping.begin("1.2.3.4") == 0
        clock[0] += 20


def test_the_throttle_forgets_who_came_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_MOST_ADDRESSES", 10)
    flooded = throttle.Throttle()
    for number in range(100):
        flooded.begin(f"address {number}")
    assert len(flooded._tries) == 10


def test_a_hundred_tries_at_once_are_no_way_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits where the secret is compared, as parallel requests do."""
    together = threading.Barrier(throttle.TRIES, timeout=60)
    compare = Access.opens
    monkeypatch.setattr(Access, "opens", lambda access, secret: together.wait() >= 0 and compare(access, secret))
    browser = make_client(make_access(password=PASSWORD))
    with browser, ThreadPoolExecutor(40) as tries:
        statuses = list(tries.map(lambda _: browser.post("/login", data={"secret": "wrong"}).status_code, range(40)))
    assert Counter(statuses) == {401: throttle.TRIES, 429: 40 - throttle.TRIES}


@pytest.mark.parametrize("goal", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\nb"])
def test_the_login_leads_nowhere_else(browser: TestClient, goal: str) -> None:
    assert browser.post("/login", data={"secret": TOKEN, "next": goal}).headers["location"] == "/"


def test_what_the_address_says_is_escaped_on_the_page(browser: TestClient) -> None:
    answer = browser.get("/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text


def test_without_a_password_the_page_asks_for_the_token() -> None:
    assert "Paste the token" in make_client().get("/login").text


def test_an_endless_form_is_not_read(browser: TestClient) -> None:
    assert browser.post("/login", data={"secret": TOKEN, "more": "x" * 10_000}).status_code == 401


def test_behind_a_trusted_proxy_each_address_has_its_own_tries() -> None:
    client = make_client(make_access(password=PASSWORD, trust_proxy=True))
    for _ in range(throttle.TRIES):
        client.post("/login", data={"secret": "wrong"}, headers={"x-forwarded-for": "6.6.6.6, 1.2.3.4"})
    blocked = client.post("/login", data={"secret": PASSWORD}, headers={"x-forwarded-for": "9.9.9.9, 1.2.3.4"})
    assert blocked.status_code == 429
    assert client.post("/login", data={"secret": PASSWORD}, headers={"x-forwarded-for": "5.6.7.8"}).status_code == 303


def test_a_line_of_the_visitors_own_before_the_proxys_changes_nothing() -> None:
    client = make_client(make_access(password=PASSWORD, trust_proxy=True))
    tries = [
        client.post("/login", data={"secret": "wrong"}, headers=forwarded(f"7.7.7.{number}", "1.2.3.4")).status_code
        for number in range(12)
    ]
    assert tries == [401] * throttle.TRIES + [429] * (12 - throttle.TRIES)


def test_a_visitor_with_many_ipv6_addresses_is_one_visitor() -> None:
    client = make_client(make_access(password=PASSWORD, trust_proxy=True))
    for number in range(throttle.TRIES):
        client.post("/login", data={"secret": "wrong"}, headers=forwarded(f"2001:db8:1:1::{number:x}"))
    assert client.post("/login", data={"secret": PASSWORD}, headers=forwarded("2001:db8:1:1:9::")).status_code == 429
    assert client.post("/login", data={"secret": PASSWORD}, headers=forwarded("2001:db8:1:2::1")).status_code == 303


def forwarded(*lines: str) -> list[tuple[str, str]]:
    """A header line each, as HAProxy's `option forwardfor` leaves them."""
    return [("x-forwarded-for", line) for line in lines]


def test_a_visitors_session_stays_a_visitors_at_the_main_port() -> None:
    access = make_access(password=PASSWORD)
    visitor = make_client(access)
    visitor.cookies.set(access.cookie, access.sessions.new(60, "viewer"))
    assert visitor.get("/api/projects").status_code == 200
    assert visitor.post("/api/projects", json={"name": "x"}).status_code == 403


def test_sessions_that_ended_are_remembered_until_their_time_is_over(tmp_path: Path) -> None:
    file, key = tmp_path / "ended", b"k" * 32
    sessions = Sessions(key, file)
    short, long, other = sessions.new(60), sessions.new(600), sessions.new(600)
    for cookie in (short, long, "forged.nonce.signature"):
        sessions.end(cookie)
    assert [Sessions(key, file).holder(cookie) for cookie in (short, long, other)] == [None, None, "owner"]
    assert len(file.read_text().split()) == 2
    file.write_text(f"1.past\n{file.read_text()}")
    Sessions(key, file).end(other)
    assert "past" not in file.read_text()
