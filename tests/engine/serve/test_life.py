"""Sleep and wake, deaths and turns: with real processes of the small fake server."""

import json
import os
import signal
import threading
import time

import pytest

from engine.errors import ConflictError, RefusedError
from engine.life import reconciler
from engine.process import attempts, devices, shim
from engine.serve import backends, endpoints, idle, probe, routing, turns
from engine.serve.routing import NotReadyError
from engine.serve.waking import sleeping, waiting
from storage import db, home
from storage import endpoints as stored_endpoints
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from tests.engine.serve.looking import change, has_begun, life, living, says
from tests.serving import active, backend, bring_up, finished_run, ready_model, until, worker_of
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("fake_server")


def test_a_sleeping_endpoint_takes_no_memory_and_no_device_and_wakes_as_it_was(endpoint: Endpoint) -> None:
    pid = worker_of(active(endpoint))
    sleeping.sleep(endpoint.id)
    asleep = until(active(endpoint).id, EndpointStatus.ASLEEP)
    wait_for(lambda: not living(pid))
    assert not devices.holders()
    assert endpoints.describe(endpoints.look_up(endpoint.id))["status"] == "asleep"
    assert [model["id"] for model in routing.served_models()] == ["jokes", "jokes:base"]  # a request would wake it
    backends.tick()
    assert backend(asleep.id).status == EndpointStatus.ASLEEP
    assert sleeping.wake(endpoint.id).waits_since
    again = until(asleep.id, EndpointStatus.READY)
    assert (again.attempt, again.restarts, says()) == (2, 0, "base says  hello")
    assert (life(endpoint)["asleep_at"], life(endpoint)["waits_since"]) == (None, None)


def test_a_request_wakes_it_and_waits_for_its_answer(endpoint: Endpoint) -> None:
    sleeping.sleep(endpoint.id)
    until(active(endpoint).id, EndpointStatus.ASLEEP)
    asking = [threading.Thread(target=waiting.wait, args=("jokes",)) for _ in range(3)]
    for thread in asking:
        thread.start()
    wait_for(lambda: active(endpoint).status == EndpointStatus.QUEUED)
    wait_for(lambda: waiting.waiting(endpoint.id) == 3)
    until(active(endpoint).id, EndpointStatus.READY)
    for thread in asking:
        thread.join(60)
    assert (waiting.waiting(endpoint.id), says()) == (0, "base says  hello")


def test_requests_wait_so_long_and_no_longer_and_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    change(endpoint, waits_since=time.time())
    monkeypatch.setattr(waiting, "WAIT_SECONDS", 0.3)
    began = time.monotonic()
    waiting.wait("jokes")  # nobody brings it up
    assert time.monotonic() - began >= 0.3
    with pytest.raises(NotReadyError) as caught:
        routing.upstream("jokes")
    assert caught.value.retry_after
    monkeypatch.setattr(waiting, "MOST_WAITING", 0)
    with pytest.raises(NotReadyError, match="0 requests wait for endpoint `jokes` already") as caught:
        waiting.wait("jokes")
    assert caught.value.retry_after == waiting.FULL_RETRY_SECONDS


def test_nobody_waits_for_an_endpoint_that_starts_for_the_first_time_or_is_none() -> None:
    endpoints.create_endpoint("jokes", model_id=ready_model().id)
    assert not waiting.is_held("jokes")
    assert not waiting.is_held("nothing")


def test_it_sleeps_after_minutes_without_a_request_and_not_while_it_answers(endpoint: Endpoint) -> None:
    sleeping.set_idle_minutes(endpoint.id, 1)
    up = active(endpoint)
    hour_ago = time.time() - 3_600
    with db.session() as session:
        row = stored_endpoints.backend(session, up.id)
        assert row is not None
        row.ready_at = hour_ago
    backends.tick()
    assert backend(up.id).status == EndpointStatus.READY  # the minute begins with the setting
    assert life(endpoint)["last_used_at"] is None  # which is no use of it
    with db.session() as session:
        session.merge(backend(up.id)).outcome = {}  # long ago, too
    change(endpoint, last_used_at=hour_ago)
    routing.upstream("jokes")  # a request
    idle.save()
    assert endpoints.look_up(endpoint.id).last_used_at == pytest.approx(time.time(), abs=30)
    change(endpoint, last_used_at=hour_ago)
    body = {"model": "jokes", "prompt": "slow " * 4, "stream": True}
    with (
        probe.open_client(str(up.address), timeout=60) as client,
        client.stream("POST", "completions", json=body) as answer,
    ):
        next(lines := answer.iter_lines())
        for _ in range(3):
            backends.tick()
        assert backend(up.id).status == EndpointStatus.READY
        assert "data: [DONE]" in list(lines)
    until(up.id, EndpointStatus.ASLEEP)


def test_minutes_that_are_none_are_refused() -> None:
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    for minutes in (0, 0.5, -1, 10_081):
        with pytest.raises(RefusedError, match="`idle_minutes` is"):
            sleeping.set_idle_minutes(endpoint.id, minutes)


def test_a_request_that_comes_while_it_goes_to_sleep_brings_it_back(endpoint: Endpoint) -> None:
    sleeping.sleep(endpoint.id)
    sleeping.wake(endpoint.id)
    until(active(endpoint).id, EndpointStatus.QUEUED)
    assert until(active(endpoint).id, EndpointStatus.READY).attempt == 2


def test_a_sleeping_endpoint_can_be_stopped_deployed_to_and_deleted(endpoint: Endpoint) -> None:
    sleeping.sleep(endpoint.id)
    asleep = until(active(endpoint).id, EndpointStatus.ASLEEP)
    green = endpoints.deploy(endpoint.id, adapters=[finished_run(ready_model()).id])
    assert active(endpoint).id == green.id
    until(green.id, EndpointStatus.READY)
    until(asleep.id, EndpointStatus.STOPPED)
    sleeping.sleep(endpoint.id)
    until(green.id, EndpointStatus.ASLEEP)
    endpoints.stop_endpoint(endpoint.id)
    until(green.id, EndpointStatus.STOPPED)
    with pytest.raises(ConflictError, match="was stopped"):
        sleeping.wake(endpoint.id)


def test_it_sleeps_only_when_it_answers_and_nothing_is_on_its_way(endpoint: Endpoint) -> None:
    green = endpoints.deploy(endpoint.id)
    with pytest.raises(ConflictError, match="under way"):
        sleeping.sleep(endpoint.id)
    endpoints.stop_endpoint(endpoint.id)
    assert backend(green.id).status == EndpointStatus.STOPPED
    with pytest.raises(ConflictError, match="cannot sleep"):
        sleeping.sleep(endpoint.id)
    outside = endpoints.create_endpoint("far", "external", options={"url": "http://127.0.0.1:9/v1", "model": "m"})
    with pytest.raises(RefusedError, match="outside server"):
        sleeping.sleep(outside.id)
    with pytest.raises(RefusedError, match="outside server"):
        sleeping.set_idle_minutes(outside.id, 5)


def test_vllm_with_sleep_mode_keeps_its_process_and_gives_the_gpu_back(endpoint: Endpoint) -> None:
    up = active(endpoint)
    with db.session() as session:  # as it is on a GPU, where vLLM has /sleep; the fake server has it too
        row = stored_endpoints.backend(session, up.id)
        assert row is not None
        row.kind, row.device, row.options = "vllm", "gpu:0", {"enable_sleep_mode": True}
    pid = worker_of(up)
    sleeping.sleep(endpoint.id)
    until(up.id, EndpointStatus.ASLEEP)
    assert living(pid)
    assert not devices.holders()
    with probe.open_client(str(up.address)) as client:
        assert client.get("http://backend/is_sleeping").json() == {"is_sleeping": True}
        sleeping.wake(endpoint.id)
        awake = until(up.id, EndpointStatus.READY)
        assert client.get("http://backend/is_sleeping").json() == {"is_sleeping": False}
    assert (awake.attempt, awake.device, worker_of(up)) == (1, "gpu:0", pid)


def test_a_crash_is_found_in_the_first_round_after_it(endpoint: Endpoint) -> None:
    up = active(endpoint)
    os.kill(worker_of(up), signal.SIGKILL)
    folder = home.backend_folder(up.id)
    wait_for(lambda: attempts.state_of(folder, up.attempt) is attempts.State.ENDED, every=0.01)
    backends.tick()
    assert backend(up.id).status == EndpointStatus.QUEUED
    assert reconciler.EVERY_SECONDS <= 1


@pytest.mark.parametrize("ends", ["by itself", "by a stop"])
def test_what_a_killed_shim_leaves_behind_is_swept_before_anything_else_starts(ends: str) -> None:
    """As vLLM's EngineCore: a process of its own session that outlives the API server."""
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model(name="family").id)
    up = bring_up(endpoint)
    folder = home.backend_folder(up.id)
    (child,) = set(shim._living(f"{shim.COOKIE}={folder}".encode(), None)) - {worker_of(up)}
    os.kill(json.loads((folder / "shim.json").read_text())["shim"], signal.SIGKILL)
    wait_for(lambda: not living(worker_of(up)))
    assert living(child)
    if ends == "by a stop":
        endpoints.stop_endpoint(endpoint.id)
    until(up.id, EndpointStatus.STOPPED if ends == "by a stop" else EndpointStatus.QUEUED)
    assert not living(child)


def test_five_deaths_in_a_row_are_waited_for_longer_each_time_and_then_it_has_failed(endpoint: Endpoint) -> None:
    up = active(endpoint)
    pauses = []
    for deaths in range(backends.MOST_DEATHS):
        os.kill(worker_of(backend(up.id)), signal.SIGKILL)
        dead = until(up.id, EndpointStatus.QUEUED)
        assert dead.restarts == deaths + 1
        with db.session() as session:  # not to wait for it here
            row = stored_endpoints.backend(session, up.id)
            assert row is not None
            row.moved_at = time.time() - 2 ** (dead.restarts - 1) + 0.3
        backends.tick()
        pauses.append(backend(up.id).status == EndpointStatus.QUEUED)
        until(up.id, EndpointStatus.STARTING)
        wait_for(lambda: has_begun(backend(up.id)))
    os.kill(worker_of(backend(up.id)), signal.SIGKILL)
    assert until(up.id, EndpointStatus.FAILED).attempt == backends.MOST_DEATHS + 1
    assert all(pauses)
    assert not devices.holders()


def test_one_heavy_server_starts_at_a_time_on_a_cpu() -> None:
    model = ready_model()
    with db.session() as session:
        for name in ("one", "two"):
            session.add(Endpoint(id=name, project_id="default", name=name))
            session.flush()
            session.add(Backend(id=name, endpoint_id=name, kind="vllm", model_id=model.id))
    with db.session() as session:
        one, two = session.get_one(Backend, "one"), session.get_one(Backend, "two")
        one.status, one.device = EndpointStatus.STARTING, "cpu"
        session.flush()
        assert not turns.is_free(session, two, "cpu")
        assert turns.is_free(session, two, "gpu:0")
        light = Backend(endpoint_id="two", kind="transformers", model_id=model.id)
        assert turns.is_free(session, light, "cpu")
        one.status = EndpointStatus.READY
        session.flush()
        assert turns.is_free(session, two, "cpu")


def test_a_sleeping_endpoint_survives_the_studio_asleep(endpoint: Endpoint) -> None:
    sleeping.sleep(endpoint.id)
    asleep = until(active(endpoint).id, EndpointStatus.ASLEEP)
    db.forget()
    routing.forget()
    loop = reconciler.Reconciler()
    loop.start()
    try:
        wait_for(lambda: loop.leads)
        reconciler.tick()
        assert backend(asleep.id).status == EndpointStatus.ASLEEP
        waiting.wait("jokes")
        assert says() == "base says  hello"
    finally:
        loop.stop()
