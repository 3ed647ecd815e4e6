"""The engine as it runs in the studio: bell and loop together, and what happens when the whole studio is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.life import reconciler, upkeep
from engine.life.life import Life
from engine.models import deleting, models
from engine.process import devices, plan, process, queue, trash
from engine.runs import curves, runs
from engine.serve import endpoints
from storage import db, home
from storage.statuses import RunStatus
from tests.conftest import ROOT
from tests.engine import table_rows
from tests.engine.table_rows import RECIPE, moves
from tests.serving import ready_model
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    table_rows.furnish(monkeypatch)


@pytest.fixture
def begin() -> Iterator[Callable[[], Life]]:
    lives: list[Life] = []

    def start() -> Life:
        lives.append(Life())
        lives[-1].start()
        return lives[-1]

    yield start
    for life in lives:
        life.stop()
    queue.forget()


def status(run_id: str) -> RunStatus:
    return runs.look_up(run_id).status


def test_a_run_trains_by_itself(begin: Callable[[], Life]) -> None:
    life = begin()
    wait_for(lambda: life.leads)
    run = runs.start_run("r", RECIPE)
    wait_for(lambda: process.was_started(home.run_folder(run.id), 1))
    wait_for(lambda: status(run.id) == RunStatus.SUCCEEDED)


def test_a_lost_bell_costs_no_more_than_a_round(begin: Callable[[], Life]) -> None:
    run = runs.start_run("r", RECIPE)
    queue.huey.storage.flush_queue()
    begin()
    wait_for(lambda: status(run.id) == RunStatus.SUCCEEDED)


def test_a_bell_without_a_loop_is_enough_to_start(begin: Callable[[], Life], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reconciler.TICKS, "runs", lambda: None)
    begin()
    run = runs.start_run("r", RECIPE)
    wait_for(lambda: process.was_started(home.run_folder(run.id), 1))


def test_bells_without_a_loop_start_fetches_and_backends_too(
    begin: Callable[[], Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(plan.WORKERS, "fetch_model", "tests.load.resting")
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.load.resting")
    for noun in reconciler.TICKS:
        monkeypatch.setitem(reconciler.TICKS, noun, lambda: None)
    begin()
    model = models.add_model("hub", "owner/name")
    endpoint = endpoints.create_endpoint("jokes", model_id=ready_model().id)
    wait_for(lambda: process.was_started(home.model_folder(model.id), 1))
    wait_for(lambda: process.was_started(home.backend_folder(str(endpoint.active_backend_id)), 1))
    deleting.delete_model(model.id)
    endpoints.delete_endpoint(endpoint.id)


def test_a_driver_that_answers_late_is_asked_again_by_a_life(
    begin: Callable[[], Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[tuple[str, ...] | None] = [("0, GPU-a",), None]
    inventory = devices.Inventory(answers.pop)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "inventory", inventory)
    monkeypatch.setitem(upkeep.CHORES, "devices", upkeep.Chore(devices.refresh, 0.1, for_leader=False))
    assert devices.on_this_machine() == ("cpu",)
    begin()
    wait_for(lambda: devices.on_this_machine() == ("gpu:0",))


def test_what_is_deleted_leaves_the_disk_without_being_waited_for(begin: Callable[[], Life]) -> None:
    folder = home.ensure_folder(home.run_folder("gone"))
    (folder / "weights").write_bytes(b"x")
    trash.discard(folder)
    begin()
    wait_for(lambda: list(home.folder("trash").glob("*")) == [])


def test_starting_and_stopping_twice_is_no_error(begin: Callable[[], Life]) -> None:
    life = begin()
    life.start()
    wait_for(lambda: life.leads)
    life.stop()
    life.stop()
    assert not life.leads


def test_an_orderly_stop_leaves_the_training_alone(begin: Callable[[], Life], monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, steps=10_000)
    life = begin()
    run = runs.start_run("r", RECIPE)
    wait_for(lambda: status(run.id) == RunStatus.RUNNING)
    life.stop()
    assert process.alive(home.run_folder(run.id))
    process.kill(home.run_folder(run.id))


def engine_process() -> "subprocess.Popen[bytes]":
    """The engine alone in a process of its own, as `tunesmith worker` runs it."""
    return subprocess.Popen([sys.executable, "-m", "tests.engine_process"], cwd=ROOT)


def test_kill_9_of_the_studio_leaves_the_training_running_and_a_new_one_takes_up_reading(
    begin: Callable[[], Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    table_rows.turn_knobs(monkeypatch, steps=300, pause=0.02)
    studio = engine_process()
    run = runs.start_run("r", RECIPE)
    wait_for(lambda: status(run.id) == RunStatus.RUNNING)
    os.kill(studio.pid, signal.SIGKILL)
    studio.wait()
    step = runs.look_up(run.id).step
    assert process.alive(home.run_folder(run.id))
    begin()
    wait_for(lambda: runs.look_up(run.id).step > step)
    wait_for(lambda: status(run.id) == RunStatus.SUCCEEDED)
    assert runs.look_up(run.id).attempt == 1
    assert [step for step, _ in curves.read(run.id, "loss").points] == list(range(1, 301))
    assert moves(run.id) == [("queued", "starting"), ("starting", "running"), ("running", "succeeded")]


def test_the_database_is_made_ready_by_a_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "new"))
    life = Life()
    life.start()
    with db.reading() as session:
        assert session.connection().exec_driver_sql("select count(*) from project").scalar() == 1
    life.stop()
    queue.forget()
    db.forget()
