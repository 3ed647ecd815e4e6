"""What clients of /v1 notice of trials, sleep and versions that make room."""

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI

from app.v1 import gateway
from engine.process import plan
from engine.serve import backends, endpoints, routing
from engine.serve.rollout import canary
from engine.serve.rollout.asked import Rollout
from engine.serve.waking import sleeping, waiting
from storage.statuses import EndpointStatus
from storage.tables import Backend
from tests.serving import active, backend, bring_up, end_all, finished_run, http_server, ready_model, until, worker_of
from tests.waiting import wait_for


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A gateway on its own, with the small fake server behind every endpoint."""
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setattr(backends, "SETTLE_SECONDS", 0)
    app = FastAPI()
    app.include_router(gateway.router)
    with http_server(app) as address:
        yield f"{address}/v1"
    end_all()


def ask(url: str, text: str = "hello", **more: Any) -> httpx.Response:
    body = {"model": "jokes", "messages": [{"role": "user", "content": text}], **more}
    return httpx.post(f"{url}/chat/completions", json=body, timeout=30)


def counted(green: Backend) -> dict[str, Any]:
    canary.save()
    outcome: dict[str, Any] = backend(green.id).outcome["canary"]
    return outcome


def test_a_version_that_fails_gets_its_share_and_is_sent_back_by_itself(url: str) -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    blue = bring_up(endpoint)
    wrong = ready_model(name="wrong")
    green = endpoints.deploy(endpoint.id, model_id=wrong.id, asked=Rollout(canary=0.5))
    until(green.id, EndpointStatus.READY)
    statuses = [ask(url).status_code for _ in range(12)]
    assert (statuses.count(200), statuses.count(500)) == (6, 6)
    until(green.id, EndpointStatus.STOPPED)
    assert [ask(url).status_code for _ in range(4)] == [200] * 4
    trial = counted(green)
    assert (trial["word"], trial["green"]["errors"], trial["blue"]["errors"]) == ("back", 6, 0)
    assert active(endpoint).id == blue.id


def test_streams_are_timed_to_their_first_piece_and_a_torn_one_has_failed(url: str) -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    bring_up(endpoint)
    green = endpoints.deploy(endpoint.id, asked=Rollout(canary=1))
    up = until(green.id, EndpointStatus.READY)
    assert "[DONE]" in ask(url, "count 5", stream=True).text
    assert ask(url, n=9).status_code == 400  # what the client got wrong says nothing about either
    (seconds,) = counted(green)["green"]["stream"]
    assert 0 < seconds < 60
    with httpx.stream(
        "POST", f"{url}/chat/completions", json={"model": "jokes", "stream": True, "messages": says("slow " * 20)}
    ) as answer:
        lines = answer.iter_lines()
        next(lines)
        os.kill(worker_of(up), signal.SIGKILL)
        assert "broke off" in "".join(lines)
    assert (counted(green)["green"]["requests"], counted(green)["green"]["errors"]) == (2, 1)
    assert "base says" in ask(url).text  # green takes no connection: this client is answered by blue, at once
    until(green.id, EndpointStatus.FAILED)


def says(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_a_client_that_leaves_says_nothing_about_the_version_on_trial(url: str) -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    bring_up(endpoint)
    green = endpoints.deploy(endpoint.id, asked=Rollout(canary=1))
    until(green.id, EndpointStatus.READY)
    with openai.OpenAI(base_url=url, api_key="sk-tunesmith-secret", max_retries=0) as client:
        stream = client.chat.completions.create(model="jokes", messages=says("slow " * 50), stream=True)
        next(iter(stream))
        stream.close()
    assert ask(url).status_code == 200
    assert (counted(green)["green"]["requests"], counted(green)["green"]["errors"]) == (1, 0)


def test_many_clients_wake_an_endpoint_once_and_are_all_answered(url: str) -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    up = bring_up(endpoint)
    sleeping.sleep(endpoint.id)
    until(up.id, EndpointStatus.ASLEEP)
    answers: list[httpx.Response] = []
    clients = [threading.Thread(target=lambda: answers.append(ask(url))) for _ in range(12)]
    for client in clients:
        client.start()
    wait_for(lambda: waiting.waiting(endpoint.id) == 12)
    awake = until(up.id, EndpointStatus.READY)
    for client in clients:
        client.join(60)
    assert [answer.status_code for answer in answers] == [200] * 12
    assert awake.attempt == 2


def test_a_client_that_hangs_up_leaves_its_place_and_one_that_waits_too_long_is_told_when_to_come_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    up = bring_up(endpoint)
    sleeping.sleep(endpoint.id)
    until(up.id, EndpointStatus.ASLEEP)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{url}/chat/completions", json={"model": "jokes", "messages": says("hello")}, timeout=0.3)
    wait_for(lambda: waiting.waiting(endpoint.id) == 0)
    monkeypatch.setattr(waiting, "WAIT_SECONDS", 0.3)
    late = ask(url)
    assert (late.status_code, late.headers["retry-after"]) == (503, str(routing.RETRY_SECONDS))
    assert late.json()["error"]["code"] == "model_not_ready"


def test_requests_wait_while_the_old_version_makes_room_for_the_new_one(url: str) -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    blue = bring_up(endpoint)
    run = finished_run(ready_model())
    green = endpoints.deploy(endpoint.id, adapters=[run.id], asked=Rollout(way="replace"))
    until(blue.id, EndpointStatus.STOPPED)
    answers: list[httpx.Response] = []
    client = threading.Thread(target=lambda: answers.append(ask(url)))
    client.start()
    wait_for(lambda: waiting.waiting(endpoint.id) == 1)
    until(green.id, EndpointStatus.READY)
    client.join(60)
    assert answers[0].json()["choices"][0]["message"]["content"].startswith(run.id)
