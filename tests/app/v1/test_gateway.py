"""The /v1 gateway, asked by OpenAI's own client over a real socket."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI

from app.v1 import gateway, traffic
from engine.process import plan
from engine.serve import backends, endpoints, probe, routing
from storage import home
from storage.statuses import EndpointStatus
from tests.serving import active, bring_up, end_all, finished_run, http_server, outside_api, ready_model, until
from tests.waiting import wait_for


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A gateway on its own, with the small fake server behind every endpoint."""
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    app = FastAPI()
    app.include_router(gateway.router)
    with http_server(app) as address:
        yield f"{address}/v1"
    end_all()


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=url, api_key="sk-tunesmith-secret", max_retries=0) as client:
        yield client


def says(text: str) -> Any:
    return [{"role": "user", "content": text}]


def in_flight(address: str) -> int | None:
    return probe.in_flight(address)


def test_openais_client_lists_models_chats_and_streams(client: openai.OpenAI) -> None:
    run = finished_run(ready_model())
    bring_up(endpoints.create_endpoint("jokes", adapters=[run.id]))
    assert [model.id for model in client.models.list()] == ["jokes", "jokes:base", f"jokes:{run.id}"]
    assert client.models.retrieve(f"jokes:{run.id}").id == f"jokes:{run.id}"
    tuned = client.chat.completions.create(model="jokes", messages=says("hello"))
    assert (tuned.model, tuned.choices[0].message.content) == ("jokes", f"{run.id} says  hello")
    chunks = list(client.chat.completions.create(model="jokes:base", messages=says("a b"), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "base says  a b "
    assert client.completions.create(model="jokes", prompt="hello").choices[0].text.endswith("hello")


def test_a_stream_arrives_word_by_word(client: openai.OpenAI) -> None:
    bring_up(endpoints.create_endpoint("jokes", model_id=ready_model().id))
    stream = client.chat.completions.create(model="jokes", messages=says("slow " * 5), stream=True)
    next(iter(stream))
    assert in_flight(str(active(endpoints_row()).address)) == 1  # the first word is here, the others are not made yet
    stream.close()


def endpoints_row() -> Any:
    return endpoints.look_up(routing.upstream("jokes").endpoint_id)


def test_a_client_that_goes_away_stops_the_backends_work(client: openai.OpenAI, url: str) -> None:
    backend = bring_up(endpoints.create_endpoint("jokes", model_id=ready_model().id))
    stream = client.chat.completions.create(model="jokes", messages=says("slow " * 500), stream=True)
    next(iter(stream))
    stream.close()
    wait_for(lambda: in_flight(str(backend.address)) == 0)
    before = traffic.REGISTRY.get_sample_value("tunesmith_gateway_in_flight")
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{url}/chat/completions", json={"model": "jokes", "messages": says("slow " * 10)}, timeout=0.3)
    wait_for(lambda: traffic.REGISTRY.get_sample_value("tunesmith_gateway_in_flight") == 0)
    assert before == 0


def test_the_clients_key_and_cookies_do_not_reach_the_backend(url: str) -> None:
    bring_up(endpoints.create_endpoint("jokes", model_id=ready_model().id))
    headers = {"Authorization": "Bearer sk-secret", "Cookie": "tunesmith=secret", "X-Forwarded-For": "1.2.3.4"}
    body = {"model": "jokes", "messages": says("headers")}
    answer = httpx.post(f"{url}/chat/completions", json=body, headers=headers, timeout=60).json()
    text = answer["choices"][0]["message"]["content"].lower()
    assert "secret" not in text
    assert "authorization" not in text
    assert "1.2.3.4" not in text


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "not JSON"),
        (b"[1]", 400, "JSON object"),
        (b"{}", 400, "`model`"),
        (b'{"model": 5}', 400, "`model`"),
        (b'{"model": "nothing"}', 404, "no model `nothing`"),
        (b'{"model": "jokes", "n": 9}', 400, "`n` must be a whole number from 1 to 8"),
        (b'{"model": "jokes", "n": true}', 400, "`n`"),
        (b'{"model": "jokes", "max_tokens": -1}', 400, "`max_tokens` must be a whole number from 0"),
        (b'{"model": "jokes", "max_completion_tokens": 0}', 400, "whole number from 1"),
        (b'{"model": "jokes", "max_completion_tokens": 1e9}', 400, "`max_completion_tokens`"),
        (b"[" * 100_000, 400, "not JSON"),
        (b" " * ((2 << 20) + 1), 413, "2 MiB"),
    ],
)
def test_a_wrong_request_is_refused_in_openais_words(url: str, body: bytes, status: int, said: str) -> None:
    answer = httpx.post(f"{url}/chat/completions", content=body, timeout=60)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_body_without_a_length_is_limited_too(url: str) -> None:
    answer = httpx.post(f"{url}/chat/completions", content=iter([b" " * (1 << 20)] * 3), timeout=60)
    assert answer.status_code == 413


def test_only_the_listed_routes_exist(url: str) -> None:
    for path in ("load_lora_adapter", "files", "chat", "../health", "models/nothing"):
        answer = httpx.get(f"{url}/{path}", timeout=60)
        assert answer.status_code == 404, path
    assert httpx.post(f"{url}/load_lora_adapter", timeout=60).json()["error"]["type"] == "invalid_request_error"


def test_while_an_endpoint_starts_clients_are_asked_to_come_again(client: openai.OpenAI) -> None:
    endpoints.create_endpoint("jokes", model_id=ready_model().id)
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="jokes", messages=says("hello"))
    assert caught.value.status_code == 503
    assert caught.value.response.headers["retry-after"] == "2"
    assert list(client.models.list()) == []


def test_a_killed_backend_answers_503_until_it_is_back_and_a_stream_ends_with_an_error(client: openai.OpenAI) -> None:
    backend = bring_up(endpoints.create_endpoint("jokes", model_id=ready_model().id))
    stream = client.chat.completions.create(model="jokes", messages=says("slow " * 20), stream=True)
    next(iter(stream))
    worker = json.loads((home.backend_folder(backend.id) / "shim.json").read_text())["worker"]
    os.kill(worker, signal.SIGKILL)
    with pytest.raises(openai.APIError, match="broke off"):
        list(stream)
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="jokes", messages=says("hello"))
    assert (caught.value.status_code, caught.value.response.headers["retry-after"]) == (503, "2")
    until(backend.id, EndpointStatus.QUEUED)
    until(backend.id, EndpointStatus.READY)
    assert client.chat.completions.create(model="jokes", messages=says("hello")).choices


def test_a_request_that_kills_the_backend_gets_an_answer_too(client: openai.OpenAI) -> None:
    bring_up(endpoints.create_endpoint("jokes", model_id=ready_model().id))
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="jokes", messages=says("die"))


def test_no_request_fails_while_a_deployment_takes_over(client: openai.OpenAI) -> None:
    model = ready_model()
    endpoint = endpoints.create_endpoint("jokes", model_id=model.id)
    blue = bring_up(endpoint)
    streams = [client.chat.completions.create(model="jokes", messages=says("slow " * 8), stream=True) for _ in range(3)]
    run = finished_run(model)
    green = endpoints.deploy(endpoint.id, adapters=[run.id])
    texts: list[str] = []

    def switched() -> bool:
        backends.tick()
        answer = client.chat.completions.create(model="jokes", messages=says("hello"))
        texts.append(answer.choices[0].message.content or "")
        return texts[-1].startswith(run.id)

    wait_for(switched, 30, every=0.02)
    assert texts[0].startswith("base says")
    for stream in streams:  # begun on blue, and not cut
        words = "".join(chunk.choices[0].delta.content or "" for chunk in stream).split()
        assert words.count("slow") == 8
    until(blue.id, EndpointStatus.STOPPED)
    assert active(endpoint).id == green.id


def test_an_outside_model_answers_under_the_endpoints_name(
    client: openai.OpenAI, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUD_API_KEY", "outside-secret")
    requests: list[dict[str, Any]] = []
    with http_server(outside_api(requests)) as address:
        options = {"url": f"{address}/v1", "model": "big", "api_key_env": "CLOUD_API_KEY"}
        bring_up(endpoints.create_endpoint("cloud", "external", options=options))
        completion = client.chat.completions.create(model="cloud", messages=says("hello"))
        assert (completion.model, completion.choices[0].message.content) == ("cloud", "outside")
        chunks = list(client.chat.completions.create(model="cloud", messages=says("hello"), stream=True))
        assert [chunk.model for chunk in chunks] == ["cloud"]
        assert requests[-1]["body"]["model"] == "big"
        assert requests[-1]["headers"]["authorization"] == "Bearer outside-secret"
        for text in ("html", "no json", "go away"):
            answer = httpx.post(f"{url}/chat/completions", json={"model": "cloud", "messages": says(text)}, timeout=60)
            assert (answer.status_code, answer.json()["error"]["type"]) == (502, "server_error"), text
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="cloud", messages=says("hello"))


def test_traffic_is_counted_without_anybodys_words(client: openai.OpenAI) -> None:
    bring_up(endpoints.create_endpoint("jokes", model_id=ready_model().id))
    labels = {"endpoint": "jokes", "route": "chat/completions", "code": "200"}
    before = traffic.REGISTRY.get_sample_value("tunesmith_gateway_requests_total", labels) or 0
    client.chat.completions.create(model="jokes", messages=says("hello"))
    assert traffic.REGISTRY.get_sample_value("tunesmith_gateway_requests_total", labels) == before + 1
    names = {sample.name for metric in traffic.REGISTRY.collect() for sample in metric.samples}
    assert "tunesmith_gateway_request_seconds_count" in names
