"""`tunesmith endpoint` and the same over REST, with the small fake server behind the endpoints."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from engine.process import plan
from engine.serve import backends, endpoints
from storage.statuses import EndpointStatus
from storage.tables import Endpoint
from tests.app.cli.test_commands import run
from tests.rest import log_in, make_client
from tests.serving import active, bring_up, end_all, finished_run, ready_model, until


@pytest.fixture
def jokes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setattr(backends, "SETTLE_SECONDS", 0)
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    bring_up(endpoint)
    yield endpoint
    end_all()


@pytest.fixture
def owner() -> TestClient:
    return log_in(make_client())


def test_a_version_is_deployed_with_golden_prompts_and_rolled_back(jokes: Endpoint, tmp_path: Path) -> None:
    prompts = tmp_path / "golden.jsonl"
    prompts.write_text('"hello"\n{"prompt": "hi", "answer": "ho"}\n')
    trained = finished_run(ready_model())
    refused = run("endpoint", "deploy", "jokes", "--run", trained.id, "--golden", str(prompts))
    assert refused.returncode == 1
    assert "1 of 2 golden prompts got another answer than required." in refused.stderr
    assert run("endpoint", "deploy", "jokes", "--run", trained.id, "--plan").stdout.startswith("The new version starts")
    done = run("endpoint", "deploy", jokes.id, "--run", trained.id, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].endswith(" ready")
    assert json.loads(done.stdout)["status"] == "ready"
    assert active(jokes).adapters == [trained.id]
    assert run("endpoint", "rollback", "jokes").returncode == 0
    assert active(jokes).adapters == []


def test_an_endpoint_sleeps_wakes_and_stops(jokes: Endpoint) -> None:
    assert run("endpoint", "sleep", "jokes").stdout.splitlines()[-1].endswith(" asleep")
    assert " asleep " in run("endpoint", "list").stdout
    (*changes, end) = map(json.loads, run("endpoint", "wake", "jokes", "--follow", "--json").stdout.splitlines())
    assert {change["backend_id"] for change in changes} == {active(jokes).id}
    assert (end["name"], end["status"]) == ("jokes", "ready")
    assert run("endpoint", "stop", "jokes").stdout.splitlines()[-1].endswith(" stopped")
    assert "was stopped" in run("endpoint", "wake", "jokes").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sleep", "nothing"], "There is no endpoint `nothing`."),
        (["deploy", "jokes", "--canary", "2"], "`canary` is 2.0"),
        (["deploy", "jokes", "--way", "sideways"], "`way` is 'sideways'"),
        (["deploy", "jokes", "--golden", "/nowhere"], "golden prompts of /nowhere cannot be read"),
        (["deploy", "jokes", "--option", "max_num_seqs"], "is not NAME=VALUE"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments: list[str], said: str) -> None:
    ended = run("endpoint", *arguments)
    assert ended.returncode == 1
    assert said in ended.stderr


def test_rest_says_how_a_deployment_would_go_tries_it_and_keeps_it(jokes: Endpoint, owner: TestClient) -> None:
    address = f"/api/endpoints/{jokes.id}"
    assert owner.post(f"{address}/deploy/plan", json={"way": "replace"}).json()["way"] == "replace"
    body = {"canary": 0.5, "canary_seconds": 30, "golden": ["hello", {"prompt": "a", "max_tokens": 8}]}
    shown = owner.post(f"{address}/deploy", json=body).json()
    green_id = shown["deploying"]["backend_id"]
    until(green_id, EndpointStatus.READY)
    life = owner.get(address).json()["life"]
    assert (life["canary"]["word"], life["canary"]["share"], life["canary"]["seconds"]) == ("on", 0.5, 30)
    assert [golden["same"] for golden in life["golden"]] == [True, True]
    assert owner.post(f"{address}/promote").json()["backend_id"] == green_id
    assert owner.post(f"{address}/promote").status_code == 409


def test_rest_sets_when_it_sleeps_puts_it_to_sleep_and_wakes_it(jokes: Endpoint, owner: TestClient) -> None:
    address = f"/api/endpoints/{jokes.id}"
    assert owner.patch(address, json={"idle_minutes": 15}).json()["life"]["idle_minutes"] == 15
    assert owner.patch(address, json={"idle_minutes": 0.1}).status_code == 422
    assert owner.post(f"{address}/sleep").json()["status"] == "draining"
    until(active(jokes).id, EndpointStatus.ASLEEP)
    assert owner.get(address).json()["status"] == "asleep"
    assert owner.post(f"{address}/wake").json()["status"] == "queued"
    for body in ({"canary": 0}, {"canary": 1.5}, {"golden": [""]}, {"golden": ["a"] * 51}, {"way": "up"}, {"blue": 1}):
        assert owner.post(f"{address}/deploy", json=body).status_code == 422, body
    outside = {"name": "far", "backend": "external", "options": {"url": "http://x/v1", "model": "m"}, "idle_minutes": 5}
    assert owner.post("/api/endpoints", json=outside).status_code == 422
    assert len(owner.get("/api/endpoints").json()) == 1  # nothing half made
