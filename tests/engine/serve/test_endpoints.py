"""Endpoints, with real processes: a small OpenAI server in the place of the model server."""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from engine.errors import ConflictError, NotFoundError, RefusedError, TunesmithError
from engine.process import devices, plan, process
from engine.serve import backends, endpoints, probe, routing
from engine.serve.routing import NotReadyError
from storage import db, home
from storage import endpoints as stored_endpoints
from storage.statuses import EndpointStatus, ModelStatus
from storage.transitions import log, move_backend
from tests.serving import (
    active,
    backend,
    bring_up,
    end_all,
    finished_run,
    http_server,
    outside_api,
    ready_model,
    until,
)
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def fake_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    yield
    end_all()


def ask(model: str, text: str, **more: Any) -> Any:
    upstream = routing.upstream(model)
    body = {"model": upstream.model, "messages": [{"role": "user", "content": text}], **more}
    with probe.open_client(upstream.address, timeout=60) as client:
        return client.post("chat/completions", json=body).json()["choices"][0]["message"]["content"]


def worker_pid(backend_id: str) -> int:
    return int(json.loads((home.backend_folder(backend_id) / "shim.json").read_text())["worker"])


def has_ended(pid: int) -> bool:
    """Ended; a dead process that its parent has not looked at yet holds no memory either."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_an_endpoint_comes_up_and_answers_as_tuned_and_as_base() -> None:
    model = ready_model()
    run = finished_run(model)
    endpoint = endpoints.create_endpoint("jokes", model_id=model.id, adapters=[run.id])
    assert endpoints.describe(endpoint)["status"] == "queued"
    bring_up(endpoint)
    description = endpoints.describe(endpoints.look_up(endpoint.id))
    assert (description["status"], description["device"], description["error"]) == ("ready", "cpu", None)
    assert description["models"] == ["jokes", "jokes:base", f"jokes:{run.id}"]
    assert ask("jokes", "hello").startswith(f"{run.id} says")
    assert ask("jokes:base", "hello").startswith("base says")
    assert [entry["id"] for entry in endpoints.served_models()] == description["models"]


def test_one_click_on_a_run_serves_it_once_under_the_runs_name() -> None:
    run = finished_run(ready_model(), name="My  Jokes, v2!")
    endpoint = endpoints.serve_run(run.id)
    assert endpoint.name == "my-jokes-v2"
    assert active(endpoint).adapters == [run.id]
    assert endpoints.serve_run(run.id).id == endpoint.id
    other = endpoints.serve_run(finished_run(ready_model(), name="my jokes v2").id)
    assert other.name == "my-jokes-v2-2"


def test_a_name_that_is_not_served_is_not_found_and_one_that_starts_is_not_ready() -> None:
    endpoints.create_endpoint("jokes", model_id=ready_model().id)
    with pytest.raises(NotFoundError):
        routing.upstream("nothing")
    with pytest.raises(NotReadyError) as caught:
        routing.upstream("jokes")
    assert caught.value.retry_after == routing.RETRY_SECONDS
    assert endpoints.served_models() == []


def test_stopping_gives_the_process_its_memory_and_its_device_back() -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    up = bring_up(endpoint)
    pid = worker_pid(up.id)
    socket = Path(str(up.address).removeprefix("unix:"))
    assert not has_ended(pid)
    assert socket.is_socket()
    endpoints.stop_endpoint(endpoint.id)
    until(up.id, EndpointStatus.STOPPED)
    wait_for(lambda: has_ended(pid))
    assert not socket.exists()
    assert not devices.holders()
    assert endpoints.describe(endpoints.look_up(endpoint.id))["status"] == "stopped"
    with pytest.raises(NotFoundError):
        routing.upstream("jokes")


def test_stopping_waits_for_an_answer_that_is_being_written() -> None:
    up = bring_up(endpoint := endpoints.create_endpoint("jokes", model_id=ready_model().id))
    body = {"model": "jokes", "prompt": "slow " * 20, "stream": True}
    with (
        probe.open_client(str(up.address), timeout=60) as client,
        client.stream("POST", "completions", json=body) as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        endpoints.stop_endpoint(endpoint.id)
        backends.tick()
        remaining = list(lines)
    assert "data: [DONE]" in remaining
    until(up.id, EndpointStatus.STOPPED)


def test_a_killed_backend_is_found_and_started_again() -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    up = bring_up(endpoint)
    os.kill(worker_pid(up.id), signal.SIGKILL)
    until(up.id, EndpointStatus.QUEUED)
    with pytest.raises(NotReadyError):
        routing.upstream("jokes")
    again = until(up.id, EndpointStatus.READY)
    assert (again.restarts, again.attempt) == (1, 2)
    assert "base says" in ask("jokes", "hello")


def test_a_killed_shim_takes_its_worker_with_it_and_the_backend_comes_back() -> None:
    up = bring_up(endpoints.create_endpoint("jokes", model_id=ready_model().id))
    record = json.loads((home.backend_folder(up.id) / "shim.json").read_text())
    os.kill(record["shim"], signal.SIGKILL)
    until(up.id, EndpointStatus.QUEUED)
    assert until(up.id, EndpointStatus.READY).attempt == 2
    assert has_ended(record["worker"])


def test_after_five_deaths_in_a_row_a_backend_is_given_up() -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    up = bring_up(endpoint)
    with db.session() as session:
        row = stored_endpoints.backend(session, up.id)
        assert row is not None
        row.restarts = backends.MOST_DEATHS
    os.kill(worker_pid(up.id), signal.SIGKILL)
    failed = until(up.id, EndpointStatus.FAILED)
    assert "ended unexpectedly" in str(failed.error)
    with pytest.raises(NotReadyError) as caught:
        routing.upstream("jokes")
    assert caught.value.retry_after is None


def test_deaths_are_forgotten_once_it_has_stood_for_a_minute() -> None:
    up = bring_up(endpoints.create_endpoint("jokes", model_id=ready_model().id))
    with db.session() as session:
        row = stored_endpoints.backend(session, up.id)
        assert row is not None
        row.restarts, row.ready_at = 3, time.time() - 61
    backends.tick()
    assert backend(up.id).restarts == 0


def test_a_model_that_cannot_be_loaded_fails_at_once_with_the_workers_words() -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model(name="broken").id)
    failed = until(active(endpoint).id, EndpointStatus.FAILED)
    assert (failed.error, failed.hint, failed.attempt) == ("This model is broken.", "Mend it.", 1)
    assert not devices.holders()


def test_a_decision_without_a_deed_is_done_after_a_restart() -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    waiting = active(endpoint)
    with db.session() as session:  # the app is killed right after this
        move_backend(session, waiting, EndpointStatus.QUEUED, EndpointStatus.STARTING, device="cpu")
        row = stored_endpoints.backend(session, waiting.id)
        assert row is not None
        row.served_names = ["jokes", "jokes:base"]
    assert until(waiting.id, EndpointStatus.READY).attempt == 1


def test_a_new_deployment_takes_over_without_a_refused_request_and_the_old_one_ends() -> None:
    model = ready_model()
    first, second = finished_run(model), finished_run(model)
    endpoint = endpoints.create_endpoint("jokes", adapters=[first.id])
    blue = bring_up(endpoint)
    green = endpoints.deploy(endpoint.id, adapters=[second.id])
    assert endpoints.describe(endpoints.look_up(endpoint.id))["deploying"]["backend_id"] == green.id
    answers: list[str] = []

    def switched() -> bool:
        backends.tick()
        answers.append(str(ask("jokes", "hello")))
        return answers[-1].startswith(second.id)

    wait_for(switched, 30, every=0.05)
    assert answers[0].startswith(first.id)
    description = endpoints.describe(endpoints.look_up(endpoint.id))
    assert (description["backend_id"], description["deploying"], description["can_roll_back"]) == (green.id, None, True)
    pid = worker_pid(blue.id)
    until(blue.id, EndpointStatus.STOPPED)
    wait_for(lambda: has_ended(pid))
    with db.reading() as session:
        moves = [(move.before, move.after) for move in log(session, blue.id)]
    assert moves[-2:] == [("ready", "draining"), ("draining", "stopped")]


def test_rollback_serves_what_was_there_before() -> None:
    model = ready_model()
    first, second = finished_run(model), finished_run(model)
    endpoint = endpoints.create_endpoint("jokes", adapters=[first.id])
    bring_up(endpoint)
    with pytest.raises(ConflictError):
        endpoints.rollback(endpoint.id)
    until(endpoints.deploy(endpoint.id, adapters=[second.id]).id, EndpointStatus.READY)
    back = endpoints.rollback(endpoint.id)
    assert back.adapters == [first.id]
    until(back.id, EndpointStatus.READY)
    assert ask("jokes", "hello").startswith(first.id)


def test_a_deployment_that_fails_leaves_the_old_one_answering() -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    blue = bring_up(endpoint)
    green = endpoints.deploy(endpoint.id, model_id=ready_model(name="broken").id)
    until(green.id, EndpointStatus.FAILED)
    assert active(endpoint).id == blue.id
    assert "base says" in ask("jokes", "hello")
    assert endpoints.describe(endpoints.look_up(endpoint.id))["last_deployment_error"] == "This model is broken."


def test_only_the_newest_deployment_counts() -> None:
    model = ready_model()
    endpoint = endpoints.create_endpoint("jokes", model_id=model.id)
    bring_up(endpoint)
    first, second = endpoints.deploy(endpoint.id, model_id=model.id), endpoints.deploy(endpoint.id, model_id=model.id)
    assert backend(first.id).status == EndpointStatus.STOPPED
    until(second.id, EndpointStatus.READY)
    assert active(endpoint).id == second.id


def test_a_stopped_endpoint_starts_again_with_what_it_served() -> None:
    run = finished_run(ready_model())
    endpoint = endpoints.serve_run(run.id)
    up = bring_up(endpoint)
    with pytest.raises(ConflictError):
        endpoints.start_endpoint(endpoint.id)
    endpoints.stop_endpoint(endpoint.id)
    until(up.id, EndpointStatus.STOPPED)
    again = endpoints.start_endpoint(endpoint.id)
    assert again.adapters == [run.id]
    assert active(endpoint).id == again.id
    bring_up(endpoint)
    assert not endpoints.describe(endpoints.look_up(endpoint.id))["can_roll_back"]


def test_stopping_while_it_waits_or_starts_ends_it_too() -> None:
    model = ready_model()
    waiting = endpoints.create_endpoint("one", model_id=model.id)
    endpoints.stop_endpoint(waiting.id)
    assert active(waiting).status == EndpointStatus.STOPPED
    starting = endpoints.create_endpoint("two", model_id=model.id)
    until(active(starting).id, EndpointStatus.STARTING)
    endpoints.stop_endpoint(starting.id)
    until(active(starting).id, EndpointStatus.STOPPED)
    assert not process.alive(home.backend_folder(active(starting).id))


def test_deleting_ends_the_process_and_forgets_everything() -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    up = bring_up(endpoint)
    pid, folder = worker_pid(up.id), home.backend_folder(up.id)
    endpoints.delete_endpoint(endpoint.id)
    wait_for(lambda: has_ended(pid))
    assert not folder.exists()
    with pytest.raises(NotFoundError):
        endpoints.look_up(endpoint.id)
    endpoints.create_endpoint("jokes", model_id=ready_model().id)


def test_a_home_with_a_long_path_gets_a_short_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    db.forget()
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / ("long" * 20)))
    db.prepare()
    up = bring_up(endpoints.create_endpoint("jokes", model_id=ready_model().id))
    path = Path(str(up.address).removeprefix("unix:"))
    assert len(os.fsencode(path)) <= 107
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert "base says" in ask("jokes", "hello")


@pytest.mark.parametrize(
    ("name", "kind", "values", "words"),
    [
        ("Bad Name", "transformers", {}, "cannot be the name of the endpoint"),
        ("a" * 49, "transformers", {}, "cannot be the name of the endpoint"),
        ("ok", "tgi", {}, "no backend `tgi`"),
        ("ok", "transformers", {"model_id": "nothing"}, "no model `nothing`"),
        ("ok", "transformers", {"adapters": ["nothing"]}, "no run `nothing`"),
        ("ok", "transformers", {"adapters": [str(n) for n in range(65)]}, "too many"),
        ("ok", "external", {"options": {"url": "ftp://x", "model": "m"}}, "http"),
        ("ok", "external", {"options": {"url": "http://u:p@x/v1", "model": "m"}}, "no user"),
        ("ok", "external", {"options": {"url": "http://169.254.169.254/v1", "model": "m"}}, "link-local"),
        ("ok", "external", {"options": {"url": "http://metadata.google.internal", "model": "m"}}, "link-local"),
        ("ok", "external", {"options": {"url": "http://x/v1"}}, "`model`"),
        (
            "ok",
            "external",
            {"options": {"url": "http://x", "model": "m", "api_key_env": "TUNESMITH_TOKEN"}},
            "api_key_env",
        ),
        ("ok", "external", {"options": {"url": "http://x", "model": "m", "wrong": 1}}, "There is no option `wrong`"),
        ("ok", "external", {"options": {"url": "http://x", "model": "m"}, "adapters": ["a"]}, "takes no model"),
    ],
)
def test_what_cannot_be_served_is_refused_in_plain_words(
    name: str, kind: str, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        endpoints.create_endpoint(name, kind, **values)
    assert words in str(caught.value)


def test_options_are_checked_and_names_are_taken_once() -> None:
    model = ready_model()
    with pytest.raises(RefusedError, match="There is no option"):
        endpoints.create_endpoint("jokes", model_id=model.id, options={"speed": 9})
    endpoints.create_endpoint("jokes", model_id=model.id)
    with pytest.raises(ConflictError):
        endpoints.create_endpoint("jokes", model_id=model.id)
    with pytest.raises(NotFoundError):
        endpoints.create_endpoint("more", model_id=model.id, project_id="nothing")


def test_models_that_are_not_ready_and_runs_that_do_not_fit_are_refused() -> None:
    model, other = ready_model(), ready_model(name="other")
    run = finished_run(model)
    with pytest.raises(RefusedError, match="another model"):
        endpoints.create_endpoint("jokes", model_id=other.id, adapters=[run.id])
    with db.session() as session:
        row = session.merge(model)
        row.status = ModelStatus.QUEUED
    with pytest.raises(RefusedError, match="is queued"):
        endpoints.serve_run(run.id)
    with db.session() as session:
        session.merge(run).recipe = {"method": "reward"}
    with pytest.raises(RefusedError, match="scores answers and does not write any"):
        endpoints.create_endpoint("jokes", kind="vllm", model_id=model.id, adapters=[run.id])
    with db.session() as session:
        session.merge(run).recipe = {"method": "sft"}
    shutil.rmtree(home.run_folder(run.id) / "adapter")
    with pytest.raises(TunesmithError, match="no trained model"):
        endpoints.serve_run(run.id)
    with pytest.raises(NotFoundError):
        endpoints.serve_run("nothing")


def test_a_reward_model_proves_itself_by_a_score() -> None:
    asked = list[str]()
    app = FastAPI()

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"data": [{"id": "judge"}, {"id": "broken"}]}

    @app.post("/v1/{route}")
    def answer(route: str, body: dict[str, Any]) -> JSONResponse:
        asked.append(route)
        code = "scores_only" if body["model"] == "judge" else "other"
        return JSONResponse({"error": {"code": code}}, 200 if route == "score" else 400)

    with http_server(app) as url:
        assert probe.answers(f"{url}/v1", ["judge"]) == probe.Proof("", "scores")
        assert "400" in probe.answers(f"{url}/v1", ["broken"]).problem
    assert asked == ["completions", "embeddings", "score", "completions"]


def test_an_outside_server_is_served_and_its_key_stays_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_API_KEY", "secret-key")
    requests: list[dict[str, Any]] = []
    with http_server(outside_api(requests)) as url:
        options = {"url": f"{url}/v1/", "model": "big", "api_key_env": "CLOUD_API_KEY"}
        endpoint = endpoints.create_endpoint("cloud", "external", options=options)
        bring_up(endpoint)
    assert requests[0]["headers"]["authorization"] == "Bearer secret-key"
    upstream = routing.upstream("cloud")
    assert (upstream.address, upstream.model, upstream.key_env) == (f"{url}/v1", "big", "CLOUD_API_KEY")
    assert "secret-key" not in str(endpoints.describe(endpoint))
    endpoints.stop_endpoint(endpoint.id)
    until(active(endpoint).id, EndpointStatus.STOPPED)


def test_an_outside_server_whose_key_is_not_set_is_refused_with_the_variables_name() -> None:
    options = {"url": "http://127.0.0.1:9/v1", "model": "big", "api_key_env": "CLOUD_API_KEY"}
    with pytest.raises(RefusedError, match="CLOUD_API_KEY is not set"):
        endpoints.create_endpoint("cloud", "external", options=options)


def test_an_outside_server_that_does_not_answer_is_given_up_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "OUTSIDE_SECONDS", 1)
    options = {"url": "http://127.0.0.1:9/v1", "model": "big"}
    endpoint = endpoints.create_endpoint("cloud", "external", options=options)
    failed = until(active(endpoint).id, EndpointStatus.FAILED)
    assert "127.0.0.1:9/v1 does not answer. It cannot be reached" in str(failed.error)
