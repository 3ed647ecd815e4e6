"""Sleep and wake, trials, golden prompts and versions that make room: with real processes of the small fake server."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from engine.errors import ConflictError, RefusedError
from engine.life import reconciler
from engine.process import attempts, devices, plan, process
from engine.serve import backends, endpoints, idle, probe, routing, turns
from engine.serve.rollout import canary, judge, room
from engine.serve.rollout.asked import Golden, Rollout, checked
from engine.serve.routing import NotReadyError
from engine.serve.takeover import handover
from engine.serve.takeover.deployment import Wanted
from engine.serve.waking import sleeping, waiting
from storage import db, home
from storage import endpoints as stored_endpoints
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from tests.serving import active, backend, bring_up, end_all, finished_run, ready_model, until, worker_of
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def fake_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setattr(backends, "SETTLE_SECONDS", 0)
    yield
    end_all()


@pytest.fixture
def endpoint() -> Endpoint:
    """One that answers as its base."""
    made = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    bring_up(made)
    return made


def says(model: str = "jokes", text: str = "hello") -> str:
    upstream = routing.upstream(model)
    body = {"model": upstream.model, "messages": [{"role": "user", "content": text}]}
    with probe.open_client(upstream.address, timeout=20) as client:
        return str(client.post("chat/completions", json=body).json()["choices"][0]["message"]["content"])


def life(endpoint: Endpoint) -> dict[str, Any]:
    facts: dict[str, Any] = endpoints.describe(endpoints.look_up(endpoint.id))["life"]
    return facts


def ticked() -> bool:
    backends.tick()
    return True


def living(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def has_begun(row: Backend) -> bool:
    record = json.loads((home.backend_folder(row.id) / "shim.json").read_text())
    return bool(record["attempt"] == row.attempt and "worker" in record)


def change(endpoint: Endpoint, **values: Any) -> None:
    with db.session() as session:
        row = stored_endpoints.get(session, endpoint.id)
        assert row is not None
        for name, value in values.items():
            setattr(row, name, value)
    routing.forget()


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
    sleeping.wake(endpoint.id)
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
        thread.join(10)
    assert (waiting.waiting(endpoint.id), says()) == (0, "base says  hello")


def test_requests_wait_so_long_and_no_longer_and_only_so_many(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeping.sleep(endpoint.id)
    until(active(endpoint).id, EndpointStatus.ASLEEP)
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
    change(endpoint, last_used_at=hour_ago)
    routing.upstream("jokes")  # a request
    idle.save()
    assert endpoints.look_up(endpoint.id).last_used_at == pytest.approx(time.time(), abs=30)
    change(endpoint, last_used_at=hour_ago)
    body = {"model": "jokes", "prompt": "slow " * 4, "stream": True}
    with (
        probe.open_client(str(up.address), timeout=20) as client,
        client.stream("POST", "completions", json=body) as answer,
    ):
        next(lines := answer.iter_lines())
        for _ in range(3):
            backends.tick()
        assert backend(up.id).status == EndpointStatus.READY
        assert "data: [DONE]" in list(lines)
    until(up.id, EndpointStatus.ASLEEP)


@pytest.mark.parametrize("minutes", [0, 0.5, -1, 10_081])
def test_minutes_that_are_none_are_refused(endpoint: Endpoint, minutes: float) -> None:
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
    until(green.id, EndpointStatus.READY)
    endpoints.stop_endpoint(endpoint.id)
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


def test_a_trial_gets_its_share_of_requests_and_ends_in_a_takeover(endpoint: Endpoint) -> None:
    blue, run = active(endpoint), finished_run(ready_model())
    green = endpoints.deploy(endpoint.id, adapters=[run.id], asked=Rollout(canary=0.25, canary_seconds=1))
    until(green.id, EndpointStatus.READY)
    assert active(endpoint).id == blue.id
    asked = [routing.upstream("jokes").backend_id for _ in range(100)]
    assert asked.count(green.id) == 25
    for backend_id in asked:
        canary.report(endpoint.id, backend_id, False, ("whole", 0.1))
    wait_for(lambda: ticked() and active(endpoint).id == green.id)
    trial = life(endpoint)["canary"]
    assert (trial["word"], trial["blue"]["requests"], trial["green"]["requests"]) == ("promote", 75, 25)
    until(blue.id, EndpointStatus.STOPPED)
    assert {routing.upstream("jokes").backend_id for _ in range(8)} == {green.id}
    assert endpoints.look_up(endpoint.id).previous_backend_id == blue.id


def test_a_trial_with_errors_is_sent_back_and_says_why(endpoint: Endpoint) -> None:
    blue = active(endpoint)
    green = endpoints.deploy(endpoint.id, asked=Rollout(canary=0.5))
    until(green.id, EndpointStatus.READY)
    for number in range(40):
        backend_id = routing.upstream("jokes").backend_id
        canary.report(endpoint.id, backend_id, backend_id == green.id and number > 20)
    until(green.id, EndpointStatus.STOPPED)
    assert active(endpoint).id == blue.id
    trial = life(endpoint)["canary"]
    assert (trial["word"], trial["green"]["errors"]) == ("back", 10)
    assert trial["reason"] == "10 of its 20 requests failed, beside 0 of 20 of the version before."
    assert {routing.upstream("jokes").backend_id for _ in range(8)} == {blue.id}


def test_a_trial_is_decided_by_hand_in_both_directions(endpoint: Endpoint) -> None:
    with pytest.raises(ConflictError, match="no deployment on trial"):
        handover.decide(endpoint.id, "promote")
    blue = active(endpoint)
    green = endpoints.deploy(endpoint.id, asked=Rollout(canary=0.5))
    until(green.id, EndpointStatus.READY)
    assert endpoints.rollback(endpoint.id).id == blue.id
    until(green.id, EndpointStatus.STOPPED)
    kept = endpoints.deploy(endpoint.id, asked=Rollout(canary=0.5))
    until(kept.id, EndpointStatus.READY)
    handover.decide(endpoint.id, "promote")
    assert active(endpoint).id == kept.id


def test_a_death_on_trial_sends_it_back_at_once_and_nobody_is_sent_there(endpoint: Endpoint) -> None:
    blue = active(endpoint)
    green = endpoints.deploy(endpoint.id, asked=Rollout(canary=1))
    up = until(green.id, EndpointStatus.READY)
    assert routing.upstream("jokes").backend_id == green.id
    os.kill(worker_of(up), signal.SIGKILL)
    canary.unreached(green.id)  # what the gateway says at the first request it cannot pass on
    assert routing.upstream("jokes").backend_id == blue.id
    failed = until(green.id, EndpointStatus.FAILED)
    assert failed.restarts == 0
    assert endpoints.look_up(endpoint.id).canary_backend_id is None
    assert life(endpoint)["canary"]["word"] == "back"


def test_a_stop_and_a_newer_deployment_end_a_trial(endpoint: Endpoint) -> None:
    first = endpoints.deploy(endpoint.id, asked=Rollout(canary=0.5))
    until(first.id, EndpointStatus.READY)
    second = endpoints.deploy(endpoint.id, asked=Rollout(canary=0.5))
    assert backend(first.id).outcome["canary"]["reason"] == "A newer deployment came."
    until(second.id, EndpointStatus.READY)
    until(first.id, EndpointStatus.STOPPED)
    endpoints.stop_endpoint(endpoint.id)
    until(second.id, EndpointStatus.STOPPED)
    until(active(endpoint).id, EndpointStatus.STOPPED)
    assert not devices.holders()


def test_golden_prompts_are_asked_of_both_and_what_differs_is_shown(endpoint: Endpoint) -> None:
    run = finished_run(ready_model())
    green = endpoints.deploy(endpoint.id, adapters=[run.id], asked=checked({"golden": ["hello"]}))
    until(green.id, EndpointStatus.READY)
    assert active(endpoint).id == green.id
    expected, answer = "base says  hello", f"{run.id} says  hello"
    facts = {"prompt": "hello", "expected": expected, "answer": answer, "same": False, "required": False}
    assert life(endpoint)["golden"] == [facts]


def test_a_golden_answer_that_is_named_has_to_come_or_nothing_changes(endpoint: Endpoint) -> None:
    blue, run = active(endpoint), finished_run(ready_model())
    wanted = Golden(prompt="What is 17 plus 6?", answer="23")
    green = endpoints.deploy(endpoint.id, adapters=[run.id], asked=Rollout(golden=[wanted]))
    failed = until(green.id, EndpointStatus.FAILED)
    assert failed.error == "1 of 1 golden prompts were not answered as they have to be."
    assert "instead of '23'" in str(failed.hint)
    assert active(endpoint).id == blue.id
    good = Golden(prompt="hello", answer=f"{run.id} says  hello\n")
    until(endpoints.deploy(endpoint.id, adapters=[run.id], asked=Rollout(golden=[good])).id, EndpointStatus.READY)
    assert life(endpoint)["golden"][0]["same"]


def test_a_server_that_fails_at_golden_prompts_does_not_take_over(endpoint: Endpoint) -> None:
    wrong = ready_model(name="wrong")  # answers its one proving token, and every chat with 500
    green = endpoints.deploy(endpoint.id, model_id=wrong.id, asked=Rollout(golden=[Golden(prompt="hi", answer="ho")]))
    assert "answered with nothing" in str(until(green.id, EndpointStatus.FAILED).hint)


def test_where_memory_fits_one_only_the_old_one_goes_first_and_requests_wait(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    blue, run = active(endpoint), finished_run(ready_model())
    monkeypatch.setattr(room, "_free", room.Free(lambda: 10))
    with db.session() as session:
        session.merge(ready_model()).parameters = 1
    said = endpoints.plan_deployment(endpoint.id, Wanted(adapters=[run.id]), Rollout(way="replace"))
    assert "stopped first" in said.says
    green = endpoints.deploy(endpoint.id, adapters=[run.id], asked=Rollout(way="replace"))
    until(blue.id, EndpointStatus.STOPPED)
    assert (active(endpoint).id, waiting.is_held("jokes"), life(endpoint)["way"]) == (green.id, True, "replace")
    until(green.id, EndpointStatus.READY)
    assert not waiting.is_held("jokes")
    assert says() == f"{run.id} says  hello"
    back = endpoints.rollback(endpoint.id)
    until(back.id, EndpointStatus.READY)
    assert says() == "base says  hello"


def test_a_version_that_fails_in_the_place_of_the_old_one_brings_the_old_one_back(endpoint: Endpoint) -> None:
    blue = active(endpoint)
    green = endpoints.deploy(endpoint.id, model_id=ready_model(name="broken").id, asked=Rollout(way="replace"))
    until(green.id, EndpointStatus.FAILED)
    assert active(endpoint).id == blue.id
    assert waiting.is_held("jokes")
    until(blue.id, EndpointStatus.READY)
    assert says() == "base says  hello"
    description = endpoints.describe(endpoints.look_up(endpoint.id))
    assert (description["last_deployment_error"], description["can_roll_back"]) == ("This model is broken.", False)
    assert [row.id for row in _living(endpoint)] == [blue.id]


def _living(endpoint: Endpoint) -> list[Backend]:
    with db.reading() as session:
        rows = stored_endpoints.backends(session, endpoint.id)
    return [row for row in rows if process.alive(home.backend_folder(row.id))]


def test_memory_decides_which_way_a_deployment_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ready_model()
    with db.session() as session:
        session.merge(model).parameters = 1_000_000_000
    row = Backend(endpoint_id="e", kind="transformers", model_id=model.id)
    monkeypatch.setattr(room, "_free", room.Free(lambda: 4_000_000_000))
    beside = room.look(row)
    assert (beside.way, beside.need_bytes) == ("beside", int(1.2 * 2_000_000_000) + room.SERVER_BYTES)
    assert "It needs about 3 GB of memory; 4 GB is free." in beside.says
    monkeypatch.setattr(room, "_free", room.Free(lambda: 3_400_000_000))  # not even the reserve is left
    assert room.look(row).way == "replace"
    assert room.look(row, "beside").way == "beside"
    vllm = Backend(endpoint_id="e", kind="vllm", model_id=model.id, options={"kv_cache_gib": 1})
    assert room.look(vllm).need_bytes == (2_400_000_000 + 2**30) + room.VLLM_BYTES


def test_two_deployments_in_the_same_moment_leave_one_and_what_answered_answers(endpoint: Endpoint) -> None:
    blue = active(endpoint)
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.append(endpoints.deploy(endpoint.id).id)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(backend(id).status for id in made) == ["queued", "stopped"]
    assert says() == "base says  hello"
    (left,) = [id for id in made if backend(id).status == "queued"]
    until(left, EndpointStatus.READY)
    until(blue.id, EndpointStatus.STOPPED)
    assert [row.id for row in _living(endpoint)] == [left]


def test_what_is_left_out_of_a_deployment_is_as_it_was() -> None:
    run = finished_run(ready_model())
    endpoint = endpoints.serve_run(run.id)
    bring_up(endpoint)
    again = endpoints.deploy(endpoint.id)
    assert (again.kind, again.model_id, again.adapters) == ("transformers", run.model_id, [run.id])
    base = endpoints.deploy(endpoint.id, model_id=run.model_id)
    assert (base.model_id, base.adapters) == (run.model_id, [])


def test_a_crash_is_found_in_the_first_round_after_it(endpoint: Endpoint) -> None:
    up = active(endpoint)
    os.kill(worker_of(up), signal.SIGKILL)
    folder = home.backend_folder(up.id)
    wait_for(lambda: attempts.state_of(folder, up.attempt) is attempts.State.ENDED, every=0.01)
    backends.tick()
    assert backend(up.id).status == EndpointStatus.QUEUED
    assert reconciler.EVERY_SECONDS <= 1


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


def test_the_rule_is_given_what_was_counted() -> None:
    facts = canary._added({}, {"green": canary._Counts(3, 1, [0.1], [0.2, 0.3])})
    assert canary.side_of(facts, "green") == judge.Side(3, 1, [0.1], [0.2, 0.3])
    assert canary.side_of(facts, "blue") == judge.Side()
