"""An idle endpoint sleeps while a run trains, and is woken after it: with real processes of both fakes."""

import time

import pytest

from engine.process import plan
from engine.runs import runs, sleeping_endpoints, supervision
from engine.runs.queue import changes, holders
from engine.serve import backends, endpoints, idle, probe, routing
from engine.serve.waking import sleeping
from engine.train import check as refusals
from storage import db
from storage.statuses import DatasetStatus, EndpointStatus, RunStatus
from storage.tables import Dataset, Endpoint, PoliteSleep, Run
from tests.engine import table_rows
from tests.engine.serve.looking import change, says
from tests.engine.table_rows import RECIPE
from tests.serving import active, backend
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("fake_server")


@pytest.fixture
def run(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run in the queue that trains until it is stopped, beside an endpoint that answers."""
    monkeypatch.setitem(plan.WORKERS, "sft", "tests.fake_worker")
    monkeypatch.setattr(refusals, "RULES", ())
    table_rows.turn_knobs(monkeypatch, steps=10_000, pause=0.02)
    with db.session() as session:
        session.add(Dataset(id="d1", project_id="default", name="d", sha256="0" * 64, status=DatasetStatus.READY))
    recipe = RECIPE.model_copy(update={"model_id": str(active(endpoint).model_id)})
    changes.pause()
    run = runs.start_run("r", recipe)
    changes.set_behaviour(stop_after_failure=False, sleep_idle_minutes=1)
    return run


def make_idle(endpoint: Endpoint) -> None:
    """Nobody has asked for an hour."""
    idle.save()
    with db.session() as session:
        row = session.get_one(type(active(endpoint)), active(endpoint).id)
        row.ready_at = time.time() - 3600
    change(endpoint, last_used_at=time.time() - 3600)


def tick() -> None:
    for act in (supervision.tick, sleeping_endpoints.tick, backends.tick):
        act()


def until(run_id: str, *statuses: RunStatus) -> Run:
    def found() -> Run | None:
        tick()
        return row if (row := runs.look_up(run_id)).status in statuses else None

    there = wait_for(found, 30)
    assert there is not None
    return there


def answers_after_a_tick(endpoint: Endpoint) -> bool:
    tick()
    return active(endpoint).status == EndpointStatus.READY


def test_an_idle_endpoint_sleeps_before_the_run_starts_and_answers_after_it(endpoint: Endpoint, run: Run) -> None:
    make_idle(endpoint)
    changes.go_on()
    until(run.id, RunStatus.RUNNING)
    assert active(endpoint).status == EndpointStatus.ASLEEP  # before it started: its memory was free
    started, slept = runs.look_up(run.id).started_at or 0, active(endpoint).ended_at or 0
    assert slept <= started
    runs.stop_run(run.id)
    until(run.id, RunStatus.STOPPED)
    wait_for(lambda: answers_after_a_tick(endpoint), 30)
    assert says() == "base says  hello"
    with db.reading() as session:
        assert session.get(PoliteSleep, endpoint.id) is None


def test_one_that_was_asked_lately_or_is_just_asked_stays_awake_and_the_run_starts_beside_it(
    endpoint: Endpoint, run: Run
) -> None:
    make_idle(endpoint)
    routing.forget()
    says()  # a request: noted, for endpoints may sleep for trainings
    changes.go_on()
    until(run.id, RunStatus.RUNNING)
    assert backend(active(endpoint).id).status == EndpointStatus.READY
    runs.stop_run(run.id)
    until(run.id, RunStatus.STOPPED)
    make_idle(endpoint)
    body = {"model": "jokes", "prompt": "slow " * 4, "stream": True}
    with (
        probe.open_client(str(active(endpoint).address), timeout=60) as client,
        client.stream("POST", "completions", json=body) as answer,
    ):
        next(lines := answer.iter_lines())
        row = runs.look_up(run.id)
        wait_for(lambda: sleeping_endpoints.made_room(row, "cpu"))
        assert active(endpoint).status == EndpointStatus.READY
        assert "data: [DONE]" in list(lines)


def test_a_request_wakes_it_while_the_run_trains_and_it_is_not_sent_back(endpoint: Endpoint, run: Run) -> None:
    make_idle(endpoint)
    changes.go_on()
    until(run.id, RunStatus.RUNNING)
    sleeping.wake(endpoint.id)  # as a request does
    wait_for(lambda: answers_after_a_tick(endpoint), 30)
    with db.reading() as session:
        assert session.get(PoliteSleep, endpoint.id) is None
    runs.stop_run(run.id)
    until(run.id, RunStatus.STOPPED)
    assert active(endpoint).status == EndpointStatus.READY


def test_without_the_setting_nobody_sleeps(endpoint: Endpoint, run: Run) -> None:
    make_idle(endpoint)
    changes.set_behaviour(stop_after_failure=False, sleep_idle_minutes=None)
    changes.go_on()
    until(run.id, RunStatus.RUNNING)
    assert active(endpoint).status == EndpointStatus.READY
    holders.forget()
    (device,) = holders.by_device()
    assert [(one.kind, one.exclusive) for one in device.holders] == [("training", True), ("endpoint", False)]
    assert all(one.memory_bytes and one.memory_bytes > 1 << 20 for one in device.holders)
    assert device.holders[1].free == ("sleep_endpoint", "stop_endpoint")
    endpoints.stop_endpoint(endpoint.id)
    runs.stop_run(run.id)
    until(run.id, RunStatus.STOPPED)
