"""Live links: one run can be watched by whoever has one, without a login, and nothing else can be done with it."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from markupsafe import Markup
from sqlmodel import select
from starlette.testclient import TestClient

from app import live
from app.door import live_door
from app.door.access import Access
from storage import db, home, runs
from storage.statuses import RunStatus
from storage.tables import LiveLink, Run
from tests.browser.stored_runs import add_run
from tests.rest import TOKEN, log_in, make_access, make_client

HTML = {"accept": "text/html"}
HOSTILE = "<img src=x onerror=alert(1)>${7*7}\u202e"
SECRETS = ("secret-dataset", "secret-recipe", "/secret/path", "secret-error", "secret-note")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    live.forget()
    yield
    live.forget()


@pytest.fixture
def run_id() -> str:
    run = add_run(HOSTILE, RunStatus.RUNNING, points=300)
    with db.session() as session:
        row = session.get_one(Run, run)
        row.recipe = {"dataset_id": "secret-dataset", "api": "secret-recipe"}
        row.facts = row.facts.model_validate({"notes": ["secret-note"], "folder": "/secret/path"})
        row.error, row.max_steps = "secret-error", 1000
        runs.add_metrics(session, [(run, "eval_loss", 100, 0.5), (run, "machine/gpu0_watts", 1, 250.0)])
    return run


def client(access: Access | None = None) -> TestClient:
    """A stranger's client, at a door of its own if one is given."""
    made = make_client()
    if access is not None:
        assert isinstance(made.app, FastAPI)
        made.app.state.access = access
    return made


def link_to(run: str, owner: TestClient | None = None, kind: str = "runs", **body: Any) -> tuple[str, str]:
    """The id of a new link, and its path."""
    answer = (owner or log_in(make_client())).post(f"/api/{kind}/{run}/links", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], "/live/" + answer.json()["url"].rpartition("/live/")[2]


def test_a_stranger_sees_state_and_charts_of_the_run_and_nothing_else(run_id: str) -> None:
    _, path = link_to(run_id)
    page = make_client().get(path, headers=HTML)
    assert page.status_code == 200
    assert "300 of 1,000" in page.text
    assert page.text.count("<figure") == 1
    assert "held out" in page.text
    assert "<img" not in page.text
    assert "&lt;img src=x" in page.text
    for secret in (*SECRETS, "machine/", "m1", run_id, str(home.home()), "d1"):
        assert secret not in page.text, secret


def test_it_is_for_nobodys_index_and_says_where_it_comes_from_to_nobody(run_id: str) -> None:
    _, path = link_to(run_id)
    page = make_client().get(path, headers=HTML)
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert '<meta name="robots" content="noindex, nofollow">' in page.text
    assert "set-cookie" not in page.headers
    assert not re.findall(r'(?:src|href)="(?!data:)', page.text)  # it needs no other file


def test_its_parts_and_points_are_below_the_same_token(run_id: str) -> None:
    _, path = link_to(run_id)
    stranger = make_client()
    assert "data-moving" in stranger.get(f"{path}/state").text
    assert "<figure" in stranger.get(f"{path}/charts").text
    assert stranger.get(f"{path}/answers").text == ""
    points = stranger.get(f"{path}/metrics?name=loss&since=290").json()
    assert ([step for step, _ in points["points"]], points["ended"]) == (list(range(291, 301)), False)
    assert stranger.get(f"{path}/metrics?name=machine/gpu0_watts").status_code == 404
    assert stranger.head(path).status_code == 200


def test_the_token_opens_no_other_door(run_id: str) -> None:
    _, path = link_to(run_id)
    token = path.removeprefix("/live/")
    stranger = make_client()
    others = ("/", "/runs", f"/runs?run={run_id}", f"/api/runs/{run_id}", f"/api/runs/{run_id}/log", "/v1/models")
    for address in (*others, f"/?token={token}", "/metrics", "/fragments/runs/runs"):
        assert stranger.get(address).status_code == 401, address
        assert stranger.get(address, headers={"authorization": f"Bearer {token}"}).status_code == 401, address
    for below in ("log", "files", "state/x", "../api/runs", "%2e%2e/api/runs", "", "events", "config"):
        assert stranger.get(f"{path}/{below}").status_code == 401, below
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert stranger.request(method, path).status_code == 405, method


@pytest.mark.parametrize("end", ["x", "", ".", "A" * 200, "/", "\u00e9"])
def test_a_forged_link_gets_the_login_page(run_id: str, end: str) -> None:
    _, path = link_to(run_id)
    forged = make_client().get(path[:-5] + end, headers=HTML)
    assert forged.status_code == 303
    assert forged.headers["location"].startswith("/login")
    assert make_client().get(path[:-5] + end).status_code == 401


def test_a_forged_end_is_noticed(run_id: str) -> None:
    _, path = link_to(run_id, expires_in=60)
    ends, rest = path.removeprefix("/live/").split(".", 1)
    later = f"/live/{int(ends, 16) + 10_000:x}.{rest}"
    assert make_client().get(later, headers=HTML).status_code == 303


def test_an_expired_link_gets_the_login_page(run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = link_to(run_id, expires_in=60)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert make_client().get(path, headers=HTML).headers["location"] == "/login"
    assert make_client().get(f"{path}/state").status_code == 401


def test_a_revoked_link_gets_the_login_page_at_once_and_others_still_open(run_id: str) -> None:
    owner, stranger = log_in(make_client()), make_client()
    (first, path), (second, other) = link_to(run_id, owner), link_to(run_id, owner)
    assert [link["id"] for link in owner.get(f"/api/runs/{run_id}/links").json()] == [first, second]
    assert stranger.get(path).status_code == 200
    assert owner.delete(f"/api/links/{first}").status_code == 204
    assert stranger.get(path, headers=HTML).headers["location"] == "/login"
    assert stranger.get(other).status_code == 200
    assert owner.delete(f"/api/links/{first}").status_code == 404
    assert [link["id"] for link in owner.get(f"/api/runs/{run_id}/links").json()] == [second]


def test_a_link_goes_with_its_run(run_id: str) -> None:
    _, path = link_to(run_id)
    with db.session() as session:
        session.delete(session.get_one(Run, run_id))
    assert make_client().get(path, headers=HTML).status_code == 303


def test_only_a_hash_of_the_token_is_kept(run_id: str) -> None:
    _, path = link_to(run_id)
    token = path.removeprefix("/live/")
    with db.reading() as session:
        (link,) = session.exec(select(LiveLink)).all()
    assert token not in json.dumps(link.model_dump())
    db.flush_wal()
    assert token.encode() not in home.database_file().read_bytes()


def test_a_link_outlives_a_restart_with_another_token(run_id: str) -> None:
    _, path = link_to(run_id)
    assert client(make_access(token="another-token-of-a-start")).get(path).status_code == 200


def test_even_the_owner_needs_the_links_own_token(run_id: str) -> None:
    assert log_in(make_client()).get("/live/nothing", headers=HTML).status_code == 303
    assert make_client().get(f"/live/{TOKEN}", headers=HTML).status_code == 303


@pytest.mark.parametrize("expires_in", [0, -1, 59, 10**9, "soon", None])
def test_a_time_that_is_none_is_refused(run_id: str, expires_in: Any) -> None:
    owner = log_in(make_client())
    assert owner.post(f"/api/runs/{run_id}/links", json={"expires_in": expires_in}).status_code == 422
    assert owner.post("/api/runs/nothere/links").status_code == 404
    assert owner.get("/api/runs/nothere/links").status_code == 404


def test_visitors_of_a_share_link_make_none(run_id: str) -> None:
    access = replace(make_access(), share_port=7860)
    visitor = client(access)
    visitor.cookies.set(access.cookie, access.sessions.new(60, "viewer"))
    assert visitor.post(f"/api/runs/{run_id}/links").status_code == 403


def test_the_address_is_the_one_the_request_came_to_or_that_of_the_tunnel(run_id: str) -> None:
    owner = log_in(make_client())

    def url(headers: dict[str, str] | None = None, **changes: Any) -> str:
        owner.app.state.access = replace(make_access(), **changes)  # type: ignore[attr-defined]
        return str(owner.post(f"/api/runs/{run_id}/links", headers=headers).json()["url"])

    assert url().startswith("http://127.0.0.1:7860/live/")
    assert url({"host": "localhost:7860"}).startswith("http://localhost:7860/live/")
    assert url({"x-forwarded-proto": "https", "x-forwarded-host": "evil.example"}).startswith("http://127.0.0.1:7860/")
    hosts = frozenset({"127.0.0.1", "studio.example"})
    proxied = {"x-forwarded-proto": "https", "x-forwarded-host": "studio.example"}
    assert url(proxied, trust_proxy=True, hosts=hosts).startswith("https://studio.example/live/")
    assert url(proxied | {"x-forwarded-host": "evil.example"}, trust_proxy=True).startswith("https://127.0.0.1:7860/")
    assert url({"host": "me-studio.hf.space"}, embedded=True, hosts=frozenset({"me-studio.hf.space"})).startswith(
        "https://me-studio.hf.space/live/"
    )


def test_it_works_through_the_tunnel_and_in_the_frame_of_a_space(run_id: str) -> None:
    access = make_access().shared(7860, "abc.gradio.live")
    owner = log_in(client(make_access().shared(1, "abc.gradio.live")))
    url = owner.post(f"/api/runs/{run_id}/links").json()["url"]
    assert url.startswith("https://abc.gradio.live/live/")
    path = url.removeprefix("https://abc.gradio.live")
    page = client(access).get(path, headers=HTML | {"host": "abc.gradio.live"})  # comes in at the tunnel's port
    assert page.status_code == 200
    framed = client(replace(make_access(), embedded=True)).get(path, headers=HTML)
    assert "frame-ancestors https://huggingface.co" in framed.headers["content-security-policy"]
    assert "x-frame-options" not in framed.headers


def test_who_asks_too_often_waits(run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_door, "A_MINUTE", 5)
    _, path = link_to(run_id)
    stranger = make_client(make_access())
    answers = [stranger.get(path if number % 2 else "/live/forged").status_code for number in range(8)]
    assert answers == [401, 200, 401, 200, 401, 429, 429, 429]
    assert 1 <= int(stranger.get(path).headers["retry-after"]) <= 61


def test_many_who_watch_draw_a_run_once(run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def draw(run: Run) -> Markup:
        drawn.append(run.id)
        return Markup()

    monkeypatch.setitem(live.PARTS["run"], "charts", draw)
    stranger, (_, path) = make_client(), link_to(run_id)
    for _ in range(20):
        assert stranger.get(f"{path}/charts").status_code == 200
    assert drawn == [run_id]
