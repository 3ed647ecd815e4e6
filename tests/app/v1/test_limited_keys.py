"""Keys with limits, asked through the whole studio: which models, how many requests and tokens, until when."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest

from app.door import scopes
from app.server import create_app
from engine.accounts import budgets, keys, request_log
from engine.accounts.key_limits import KeyLimits, allows
from engine.errors import RefusedError
from engine.serve import routing
from storage import db
from storage import usage as stored_usage
from storage.tables import ApiKey, LoggedRequest, Usage
from tests.app.v1.conftest import FakeServer
from tests.rest import TOKEN, make_access
from tests.serving import http_server

Ask = Callable[..., httpx.Response]


@pytest.fixture
def url(fake_server: FakeServer) -> Iterator[str]:
    request_log.LOG.stop()
    request_log.LOG.forget()
    budgets.forget()
    fake_server.serve()
    with http_server(create_app(make_access(), with_window=False, with_engine=False)) as address:
        yield address


@pytest.fixture
def ask(url: str) -> Ask:
    def asked(secret: str, content: str = "one two", **more: Any) -> httpx.Response:
        body = {"model": "jokes", "messages": [{"role": "user", "content": content}], **more}
        headers = {"authorization": f"Bearer {secret}"}
        return httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=60)

    return asked


def key(**limits: Any) -> tuple[ApiKey, str]:
    return keys.create_key("editor", limits=KeyLimits(**limits))


def test_a_key_reaches_the_models_it_names_and_sees_no_others(url: str, ask: Ask, fake_server: FakeServer) -> None:
    fake_server.serve("riddles")
    routing.forget()
    _, secret = key(models=["jokes:*"])
    assert ask(secret, model="jokes:base").status_code == 200
    for model in ("jokes", "riddles", "nothing"):
        refused = ask(secret, model=model)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_not_allowed"), model
    headers = {"authorization": f"Bearer {secret}"}
    listed = httpx.get(f"{url}/v1/models", headers=headers, timeout=60).json()["data"]
    assert [entry["id"] for entry in listed] == ["jokes:base"]
    assert httpx.get(f"{url}/v1/models/riddles", headers=headers, timeout=60).status_code == 404
    everything = httpx.get(f"{url}/v1/models", headers={"authorization": f"Bearer {TOKEN}"}, timeout=60).json()["data"]
    assert len(everything) == 4


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("jokes", "jokes", True),
        ("jokes", "jokes:base", False),
        ("jokes*", "jokes", True),
        ("jokes*", "jokes2:base", True),
        ("jokes*", "my-jokes", False),
        ("*", "anything", True),
        ("*:base", "jokes:base", True),
        ("a*a", "a", False),
        ("a*b*c", "a-c-b-c", True),
        ("a*b*c", "a-c-c", False),
        ("a.c", "abc", False),
        ("*a" * 90 + "b", "a" * 300, False),
    ],
)
def test_a_star_is_any_text_and_everything_else_is_itself(pattern: str, name: str, fits: bool) -> None:
    assert allows([pattern], name) is fits


def test_the_request_after_the_last_of_a_minute_is_429_until_there_is_room(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = key(requests_per_minute=2)
    first = ask(secret)
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert ask(secret, model="nothing").status_code == 404  # counts as well: guessing names is not free
    refused = ask(secret)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
    monkeypatch.setattr(budgets, "MINUTE_SECONDS", 0.0)
    assert ask(secret).status_code == 200


def test_openais_client_understands_the_refusal(url: str, ask: Ask) -> None:
    _, secret = key(requests_per_minute=1)
    assert ask(secret).status_code == 200
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0)
    with client, pytest.raises(openai.RateLimitError, match="may send 1 requests a minute"):
        client.chat.completions.create(model="jokes", messages=[{"role": "user", "content": "a"}])


def test_tokens_are_reserved_settled_and_kept_over_a_restart(ask: Ask) -> None:
    row, secret = key(tokens_per_day=200)
    answer = ask(secret, max_tokens=10)
    assert answer.json()["usage"]["total_tokens"] == 6
    assert answer.headers["x-ratelimit-limit-tokens"] == "200"
    assert budgets.of(row).used == 6
    assert budgets.of(row).reserved == 0
    refused = ask(secret, max_tokens=190)
    assert (refused.status_code, refused.json()["error"]["type"]) == (429, "tokens")
    assert "194 of 200 tokens left" in refused.json()["error"]["message"]
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    list(ask(secret, stream=True, max_tokens=10).iter_lines())
    assert budgets.of(row).used == 12
    request_log.LOG.write()
    budgets.forget()  # as a restart does
    ask(secret, max_tokens=10)
    assert budgets.of(row).used == 18


def test_a_request_that_names_no_length_gets_what_is_left(ask: Ask, url: str) -> None:
    row, secret = key(tokens_per_day=60)
    assert ask(secret).status_code == 200
    assert ask(secret, "x" * 400).status_code == 429  # the question alone is more
    assert budgets.of(row).reserved == 0


def test_of_many_at_once_only_as_many_pass_as_there_are_tokens(ask: Ask) -> None:
    _, secret = key(tokens_per_day=200)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(ask(secret, "slow " * 6, max_tokens=100).status_code))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 429, 429, 429]


def test_a_failed_request_takes_no_tokens(ask: Ask) -> None:
    row, secret = key(tokens_per_day=200)
    assert ask(secret, "field", max_tokens=10).status_code == 422
    assert ask(secret, model="nothing", max_tokens=10).status_code == 404
    assert ask(secret, guided_json={}).status_code == 400
    assert (budgets.of(row).used, budgets.of(row).reserved) == (0, 0)


def test_a_key_whose_time_is_over_opens_nothing_and_says_so(ask: Ask) -> None:
    row, secret = key(expires_in=3600)
    assert ask(secret).status_code == 200
    with db.session() as session:
        changed = session.get(ApiKey, row.id)
        assert changed is not None
        changed.expires_at = time.time() - 1
    keys.forget()
    refused = ask(secret)
    assert refused.status_code == 401
    assert "time of this API key is over" in refused.json()["error"]["message"]
    assert keys.remembered(secret) is None
    assert keys.verify(secret) is None


def test_a_key_that_may_do_everything_has_no_limits_but_a_time() -> None:
    assert keys.create_key("robot", "all", KeyLimits(expires_in=60))[0].expires_at
    with pytest.raises(RefusedError, match="could make another key"):
        keys.create_key("robot", "all", KeyLimits(models=["jokes"]))


def test_a_route_of_v1_that_no_scope_lists_is_refused(url: str) -> None:
    _, secret = key()
    headers = {"authorization": f"Bearer {secret}"}
    answer = httpx.post(f"{url}/v1/batches", headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert "POST /v1/batches" in answer.json()["error"]["message"]
    assert httpx.delete(f"{url}/v1/models/jokes", headers=headers, timeout=60).status_code == 403
    owner = {"authorization": f"Bearer {TOKEN}"}
    assert httpx.post(f"{url}/v1/batches", headers=owner, timeout=60).status_code == 404
    paths = httpx.get(f"{url}/api/openapi.json", headers=owner, timeout=60).json()["paths"]
    routes = {
        (method.upper(), re.sub(r"\{\w+\}", "*", path))
        for path, operations in paths.items()
        for method in operations
        if path.startswith("/v1/")
    }
    assert (
        routes == scopes.INFERENCE | scopes.ALL_ONLY
    )  # a new route of /v1: decide whether keys for inference reach it


def test_every_request_is_logged_and_summed_without_its_words(url: str, ask: Ask) -> None:
    row, secret = key()
    ask(secret, "a secret of mine")
    list(ask(secret, "one two torn", stream=True).iter_lines())
    ask(secret, model="nothing")
    ask(TOKEN)
    request_log.LOG.write()
    with db.reading() as session:
        logged = stored_usage.recent(session, 10)
        sums = stored_usage.totals(session, "key", "2000-01-01", "2999-01-01")
    assert [one.status for one in logged] == [200, 404, 500, 200]
    assert [one.key_id for one in logged] == ["", row.id, row.id, row.id]
    assert [one.stream for one in logged] == [False, False, True, False]
    torn = logged[2]
    assert (torn.estimated, torn.completion_tokens) == (True, 4)
    assert torn.first_token_seconds is not None
    assert 0 < torn.first_token_seconds <= torn.seconds
    assert all(one.question is None and one.answer is None for one in logged)
    of_key = next(total for total in sums if total.id == row.id)
    assert (of_key.requests, of_key.errors, of_key.estimated) == (2, 1, 1)  # `nothing` is not served
    owner = {"authorization": f"Bearer {TOKEN}"}
    by_model = httpx.get(f"{url}/api/usage?by=model", headers=owner, timeout=60).json()
    assert [(line["name"], line["requests"]) for line in by_model] == [("jokes", 3)]
    by_key = httpx.get(f"{url}/api/usage?by=key", headers=owner, timeout=60).json()
    assert {line["name"] for line in by_key} == {"editor", "the studio's owner"}
    file = httpx.get(f"{url}/api/usage?by=day&format=csv", headers=owner, timeout=60)
    assert file.headers["content-type"].startswith("text/csv")
    assert file.text.splitlines()[0] == "id,name,requests,errors,estimated,prompt_tokens,completion_tokens"
    assert httpx.get(f"{url}/api/usage?by=day&from=2026-13-40", headers=owner, timeout=60).status_code == 422
    listed = httpx.get(f"{url}/api/requests?limit=2", headers=owner, timeout=60)
    assert (listed.headers["x-total-count"], len(listed.json())) == ("4", 2)


def test_contents_are_kept_only_where_that_is_switched_on_and_for_a_while(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNESMITH_LOG_CONTENT", "true")  # what its thread reads every second
    monkeypatch.setattr(request_log.LOG, "keeps_content", True)
    ask(TOKEN, "one two")
    list(ask(TOKEN, "one two" + "x" * 20_000, stream=True).iter_lines())
    request_log.LOG.write()
    with db.reading() as session:
        stream, whole = stored_usage.recent(session, 2)
    assert "one two" in str(whole.question)
    assert "base says" in str(whole.answer)
    assert str(stream.answer).startswith("base says")
    assert len(str(stream.question)) == request_log.MOST_CONTENT_BYTES
    monkeypatch.setattr(request_log, "MOST_WITH_CONTENT", 1)
    request_log.drop_old()
    with db.reading() as session:
        stream, whole = stored_usage.recent(session, 2)
    assert whole.question is whole.answer is None
    assert stream.question
    monkeypatch.setattr(request_log, "MOST_REQUESTS", 1)
    request_log.drop_old()
    with db.reading() as session:
        assert stored_usage.count(session) == 1


def test_old_requests_are_dropped_and_the_sums_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_usage, "BATCH", 2)
    row: dict[str, Any] = {"model": "m", "route": "completions", "status": 200, "seconds": 0.1}
    requests = [LoggedRequest(at=time.time() - days * 86_400, **row).model_dump(exclude={"id"}) for days in range(60)]
    sums = dict.fromkeys(stored_usage.SUMS, 1) | {"day": "2026-11-29", "key_id": "", "model": "m"}
    for _ in range(2):
        with db.session() as session:
            stored_usage.add(session, requests[:30] if _ else requests[30:], [sums])
    request_log.drop_old()
    with db.reading() as session:
        assert stored_usage.count(session) == 30
        total = session.get(Usage, ("2026-11-29", "", "m"))
        assert total is not None
        assert total.requests == 2


def test_a_log_that_cannot_be_written_keeps_the_newest_and_loses_nothing_when_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = request_log.Log()
    monkeypatch.setattr(request_log, "MOST_WAITING", 3)
    for number in range(5):
        log.add(request_log.Entry(1e9, "", "e", f"m{number}", "completions", False, 200, 0.1, None, 1, 1, False))
    assert log.dropped == 2
    monkeypatch.setenv("TUNESMITH_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    with pytest.raises(Exception, match="unable to open"):
        log.write()
    monkeypatch.delenv("TUNESMITH_DATABASE_URL")
    log.write()
    with db.reading() as session:
        assert [one.model for one in stored_usage.recent(session, 9)] == ["m4", "m3", "m2"]
