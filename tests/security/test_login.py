"""The login page: the right word opens, the wrong one waits longer and longer."""

from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from app.door import throttle
from tests.rest import PASSWORD, TOKEN, make_access, make_client


@pytest.fixture
def browser() -> TestClient:
    return make_client(make_access(password=PASSWORD))


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN])
def test_the_password_or_the_token_logs_in(browser: TestClient, secret: str) -> None:
    answer = browser.post("/login", data={"secret": secret, "next": "/runs?run=a"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?run=a")
    assert browser.get("/api/projects").status_code == 200
    browser.post("/logout")
    assert browser.get("/api/projects").status_code == 401


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
        for _ in range(throttle.TRIES):
            guessing.failed("1.2.3.4")
        waits.append(guessing.wait_seconds("1.2.3.4"))
        clock[0] += waits[-1]
    assert waits[:4] == [60, 120, 240, 480]
    assert waits[-1] == throttle.LONGEST_PAUSE_SECONDS
    assert guessing.wait_seconds("5.6.7.8") == 0
    guessing.succeeded("1.2.3.4")
    assert guessing.wait_seconds("1.2.3.4") == 0


def test_four_wrong_tries_a_minute_are_a_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(throttle, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    mistyping = throttle.Throttle()
    for _ in range(40):
        mistyping.failed("1.2.3.4")
        clock[0] += 20
    assert mistyping.wait_seconds("1.2.3.4") == 0


def test_the_throttle_forgets_who_came_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "_MOST_ADDRESSES", 10)
    flooded = throttle.Throttle()
    for number in range(100):
        flooded.failed(f"address {number}")
    assert len(flooded._tries) == 10


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
