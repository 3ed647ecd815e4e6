"""Notifications over REST: set, tried, listed, read; secrets only ever go in."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from engine.notifications import announce, courier
from tests.engine.notifications.receiver import Receiver, receiving
from tests.rest import make_access, make_client
from tests.waiting import wait_for

ADDRESS = "/api/notifications"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def test_a_sink_is_set_tried_told_and_logged(owner: TestClient, receiver: Receiver) -> None:
    sink = {"name": "hook", "service": "webhook", "url": receiver.url, "kinds": ["failed"]}
    changed = owner.put(ADDRESS, json={"sinks": [sink], "allow_private": True}).json()
    (sink_id,) = changed["made"]
    assert changed["made"][sink_id].startswith("whsec_")
    answer = owner.get(ADDRESS)
    assert "a-secret" not in answer.text
    assert "whsec_" not in answer.text
    assert owner.put(ADDRESS, json=answer.json()).json()["made"] == {}
    (tried,) = owner.post(f"{ADDRESS}/test").json()
    assert (tried["ok"], tried["outcome"]) == (True, "It answered 200.")
    assert len(owner.post(f"{ADDRESS}/test", json={"sink_id": sink_id}).json()) == 1
    announce("failed", "abc", "jokes has failed")
    courier.tick()
    wait_for(lambda: owner.get(f"{ADDRESS}/log").json()[0]["state"] == "sent")
    log = owner.get(f"{ADDRESS}/log?limit=1")
    assert log.headers["x-total-count"] == "3"
    assert (log.json()[0]["title"], log.json()[0]["sink"], log.json()[0]["attempts"]) == ("jokes has failed", "hook", 1)


def test_notifications_are_listed_and_marked_as_read(owner: TestClient) -> None:
    for title in ("one", "two"):
        announce("finished", "abc", title)
    listed = owner.get(f"{ADDRESS}/list").json()
    assert [(one["title"], one["read_at"]) for one in listed] == [("two", None), ("one", None)]
    assert owner.post(f"{ADDRESS}/read", json={"id": listed[0]["id"]}).status_code == 204
    assert [one["read_at"] is None for one in owner.get(f"{ADDRESS}/list").json()] == [False, True]
    owner.post(f"{ADDRESS}/read")
    assert all(one["read_at"] for one in owner.get(f"{ADDRESS}/list").json())


def test_wrong_bodies_are_refused_in_words_that_say_no_secret_back(owner: TestClient) -> None:
    url = "http://169.254.169.254/very-secret"
    wrong = owner.put(ADDRESS, json={"sinks": [{"name": "x", "service": "slack", "url": url}]})
    assert wrong.status_code == 422
    assert "link-local" in wrong.json()["error"]["message"]
    assert "very-secret" not in wrong.text
    for field in ("secret", "token", "password", "url"):
        body = {"sinks": [{"name": "x", "service": "webhook", field: "very-secret" * 200}]}
        answer = owner.put(ADDRESS, json=body)
        assert answer.status_code == 422
        assert "very-secret" not in answer.text
    assert owner.put(ADDRESS, json={"sinks": [{"name": "x", "service": "pigeon"}]}).status_code == 422
    assert owner.post(f"{ADDRESS}/test", json={"sink_id": "gone"}).status_code == 404
    assert owner.post(f"{ADDRESS}/test").status_code == 409


def test_visitors_of_a_share_link_do_not_see_where_messages_go() -> None:
    access = replace(make_access(), share_port=7861)
    visitor = make_client(access)
    visitor.cookies.set(access.cookie, access.sessions.new(60, "viewer"))
    assert visitor.get(ADDRESS).status_code == 403
    assert visitor.post(f"{ADDRESS}/test").status_code == 403
