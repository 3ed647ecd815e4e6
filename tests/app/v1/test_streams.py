"""Streams through the gateway: whole ones, and torn ones that must not look whole. Errors in OpenAI's shape."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI

from app.v1 import backend_errors, figures, gateway, proxy, queues, traffic
from engine.serve import endpoints
from tests.app.v1.conftest import FakeServer
from tests.hostile_server import EVENTS, LIST, OK, Script, hostile, text
from tests.serving import bring_up, end_all, http_server
from tests.waiting import wait_for


@pytest.fixture
def url(fake_server: FakeServer) -> Iterator[str]:
    app = FastAPI()
    app.include_router(gateway.router)
    fake_server.serve()
    with http_server(app) as address:
        yield f"{address}/v1"


def ask(url: str, content: str, route: str = "chat/completions", **more: Any) -> httpx.Response:
    body = {"model": "jokes", "messages": [{"role": "user", "content": content}], **more}
    return httpx.post(f"{url}/{route}", json=body, timeout=60)


def events(answer: httpx.Response) -> list[str]:
    return [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]


def test_a_torn_stream_ends_with_its_error_and_never_with_done(url: str) -> None:
    told = events(ask(url, "one two torn", stream=True))
    assert json.loads(told[-1])["error"]["message"] == "EngineCore died."
    assert "[DONE]" not in told
    assert "two " in told[-3]
    with openai.OpenAI(base_url=url, api_key="sk-x", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="jokes", messages=[{"role": "user", "content": "torn"}], stream=True
        )
        with pytest.raises(openai.APIError, match="EngineCore died"):
            list(stream)


def test_a_stream_that_ends_before_its_last_event_gets_an_error(url: str) -> None:
    told = events(ask(url, "one early", stream=True))
    assert "broke off" in json.loads(told[-1])["error"]["message"]
    assert "[DONE]" not in told
    whole = events(ask(url, "one two", stream=True))
    assert whole[-1] == "[DONE]"


def test_usage_is_only_told_to_who_asked_for_it(url: str) -> None:
    assert not [event for event in events(ask(url, "one two", stream=True)) if "usage" in event]
    told = events(ask(url, "one two", stream=True, stream_options={"include_usage": True}))
    assert json.loads(told[-2])["usage"]["total_tokens"] == 6


def test_old_fields_of_vllm_are_refused_with_what_to_use_instead(url: str) -> None:
    for name in ("guided_json", "guided_choice", "guided_regex", "guided_grammar", "guided_decoding_backend"):
        answer = ask(url, "hello", **{name: "x"})
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert (error["param"], error["code"]) == (name, "unsupported_parameter")
        assert "`structured_outputs` or `response_format`" in error["message"]
    assert ask(url, "what is guided_json?", guided_json=None).status_code == 200


def test_errors_of_fastapi_become_openais(url: str) -> None:
    answer = ask(url, "field")
    assert answer.status_code == 422
    error = {"message": "`top_k`: Input should be a valid integer", "param": "top_k", "code": None}
    assert answer.json() == {"error": {**error, "type": "invalid_request_error"}}


@pytest.mark.parametrize("route", ["embeddings", "responses"])
def test_a_route_that_the_backend_lacks_is_404_and_says_which_has_it(url: str, route: str) -> None:
    answer = ask(url, "hello", route, input="hello")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "route_not_found"
    assert f"has no /v1/{route}" in answer.json()["error"]["message"]
    assert "vLLM" in answer.json()["error"]["message"]


def test_a_chat_to_a_server_that_writes_none_is_404_and_says_so() -> None:
    """As vLLM answers that was started for embeddings; a model that is not there is another matter."""
    assert backend_errors.lacks("chat/completions", 404, {"detail": "Not Found"})
    assert not backend_errors.lacks("completions", 404, {"error": {"message": "The model `x` does not exist."}})
    said = backend_errors.lacking("completions", "numbers", "vllm")
    assert (said.status, "has no /v1/completions" in str(said.body())) == (404, True)
    assert "answered by a server that writes text" in str(said.body())


def test_what_would_need_kept_answers_is_refused(url: str) -> None:
    for field in ({"background": True}, {"previous_response_id": "r"}, {"conversation": "c"}):
        answer = ask(url, "hello", "responses", **field)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(field)))


def test_a_frozen_backend_of_ours_is_504_in_time(
    url: str, fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as short:
        short.setattr(proxy, "WHOLE_SECONDS", 0.4)
        os.kill(fake_server.process.pid, signal.SIGSTOP)
        try:
            answer = ask(url, "hello")
        finally:
            os.kill(fake_server.process.pid, signal.SIGCONT)
    assert (answer.status_code, answer.json()["error"]["type"]) == (504, "server_error")
    assert traffic.REGISTRY.get_sample_value("tunesmith_gateway_in_flight") == 0
    assert ask(url, "hello").status_code == 200


def test_a_stream_of_ours_that_freezes_is_torn_in_time(
    url: str, fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "OWN_SILENT_SECONDS", 0.5)
    body = {"model": "jokes", "messages": [{"role": "user", "content": "slow slow slow"}], "stream": True}
    with httpx.Client(timeout=60) as client, client.stream("POST", f"{url}/chat/completions", json=body) as answer:
        lines = answer.iter_lines()
        next(lines)
        os.kill(fake_server.process.pid, signal.SIGSTOP)
        try:
            told = [line for line in lines if line]
        finally:
            os.kill(fake_server.process.pid, signal.SIGCONT)
    assert "sent nothing for too long" in told[-1]


def let_go(server: FakeServer) -> None:
    """Ends what is held back. Not through the gateway, which lets nobody pass."""
    body = {"model": "jokes", "messages": [{"role": "user", "content": "let-go"}]}
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(server.socket)), timeout=60) as client:
        client.post("http://server/v1/chat/completions", json=body).raise_for_status()


def test_beyond_the_queue_requests_are_refused_and_the_others_are_answered(
    url: str, fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(queues, "MOST_WAITING", 1)
    body = {"model": "jokes", "messages": [{"role": "user", "content": "held-back"}], "stream": True}
    with httpx.Client(timeout=60) as client, client.stream("POST", f"{url}/chat/completions", json=body) as first:
        lines = first.iter_lines()
        next(lines)
        with httpx.Client(timeout=0.3) as impatient, pytest.raises(httpx.ReadTimeout):  # waits, and leaves the line
            impatient.post(f"{url}/chat/completions", json=body)
        endpoint = figures.of(endpoints.upstream("jokes").endpoint_id)
        wait_for(lambda: endpoint.queue.length == 0)
        monkeypatch.setattr(queues, "MOST_WAITING", 0)
        refused = ask(url, "hello")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.json()["error"]["code"] == "endpoint_overloaded"
        monkeypatch.setattr(queues, "MOST_WAITING", 1)
        let_go(fake_server)
        assert ask(url, "hello").status_code == 200  # after the first
        assert list(lines)[-2] == "data: [DONE]"
    wait_for(lambda: endpoint.queue.in_flight == 0)


SSE_END = b'data: {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}\n\n'
TORN = b'data: {"error": "no memory", "error_type": "generation"}\n\ndata: [DONE]\n\n'
COMPLETED = b'event: response.completed\ndata: {"type": "response.completed", "response": {"model": "big"}}\n\n'


@pytest.mark.parametrize(
    ("route", "script", "ends_with"),
    [
        ("chat/completions", SSE_END, '"model":"cloud"}'),  # some outside servers say no [DONE]
        ("chat/completions", SSE_END + b"data: [DONE]", "[DONE]"),  # nor the line's end
        ("chat/completions", TORN, '"no memory","type":"server_error","param":null,"code":null}}'),
        ("responses", b'data: {"type": "response.created", "response": {}}\n\n' + COMPLETED, '{"model":"cloud"}}'),
        ("responses", b'data: {"type": "response.created", "response": {}}\n\n', '"code":null}}'),
    ],
)
def test_what_outside_servers_end_a_stream_with(route: str, script: bytes, ends_with: str) -> None:
    scripts: dict[str, Script] = {"models": text(OK + b"\r\n" + LIST), route: text(EVENTS + script)}
    app = FastAPI()
    app.include_router(gateway.router)
    with hostile(scripts) as address, http_server(app) as studio:
        bring_up(endpoints.create_endpoint("cloud", "external", options={"url": address, "model": "big"}))
        told = events(ask(f"{studio}/v1", "hello", route, model="cloud", stream=True))
        end_all()
    assert told[-1].endswith(ends_with), told
    assert ("[DONE]" in told) == (ends_with == "[DONE]")
