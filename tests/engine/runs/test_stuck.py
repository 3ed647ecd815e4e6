"""A training that lives and makes no step, or whose folder is gone: noticed, with a real shim and a fake worker."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from engine.notifications import watching
from engine.process import events, process, stacks
from engine.runs import runs, stuck, verdict
from storage import db, home
from storage.outgoing import notices
from storage.statuses import RunStatus
from storage.tables import Run, RunFacts
from tests import fake_worker
from tests.engine import table_rows
from tests.engine.table_rows import RECIPE, pids, tick_until, until
from tests.waiting import wait_for

RESTARTS = RECIPE.model_copy(update={"restart_when_stuck": True, "auto_resume": False})
HANGS_IN = "wait_for_a_peer_that_never_answers"


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    table_rows.furnish(monkeypatch, steps=100_000, pause=0.02)


def patience(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setenv("TUNESMITH_STUCK_SECONDS", str(seconds))


def until_stuck(run_id: str) -> Run:
    return tick_until(lambda: run if (run := runs.look_up(run_id)).facts.stuck_since else None)


def until_step(run_id: str, step: int) -> None:
    tick_until(lambda: runs.look_up(run_id).step >= step or None)


def until_begun_again(monkeypatch: pytest.MonkeyPatch, run_id: str) -> None:
    """The second attempt gets all the time it needs, however busy the machine."""
    tick_until(lambda: runs.look_up(run_id).attempt == 2 or None)
    patience(monkeypatch, 60)


def told(run_id: str) -> list[stacks.Stack]:
    """The stacks of the run's processes, once they have answered."""

    def look() -> list[stacks.Stack]:
        answers = stacks.read(home.run_folder(run_id))
        return answers if answers and answers[0].text else []

    return wait_for(look)


def test_a_frozen_worker_is_noticed_and_one_that_goes_on_is_forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.start_run("r", RECIPE)
    tick_until(lambda: runs.look_up(run.id).step > 5 or None)
    worker = pids(run.id)["worker"]
    patience(monkeypatch, 0.6)
    os.kill(worker, signal.SIGSTOP)
    frozen = until_stuck(run.id)
    assert (frozen.status, frozen.eta_seconds) == (RunStatus.RUNNING, None)
    assert [(stack.pid, stack.text) for stack in stacks.read(home.run_folder(run.id))] == [(worker, "")]
    assert "stopped (SIGSTOP)" in stacks.read(home.run_folder(run.id))[0].state
    patience(monkeypatch, 60)
    os.kill(worker, signal.SIGCONT)
    again = tick_until(lambda: current if (current := runs.look_up(run.id)).step > frozen.step else None)
    tick_until(lambda: runs.look_up(run.id).facts.stuck_since is None or None)
    assert again.eta_seconds is not None
    runs.stop_run(run.id)
    until(run.id, RunStatus.STOPPED)


def test_a_hanging_worker_says_where_it_hangs_and_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, hang_at=8)
    run = runs.start_run("r", RECIPE)
    until_step(run.id, 8)
    patience(monkeypatch, 0.6)
    hanging = until_stuck(run.id)
    assert hanging.facts.stuck is not None
    assert (hanging.facts.stuck.step, hanging.facts.stuck.attempt, hanging.facts.stuck.ended) == (8, 1, False)
    (stack,) = told(run.id)
    assert stack.pid == pids(run.id)["worker"]
    assert stack.text.startswith("Current thread")
    assert f"in {HANGS_IN}" in stack.text
    monkeypatch.setattr(stuck, "ANSWER_SECONDS", 0.0)
    assert until_stuck(run.id).status == RunStatus.RUNNING  # nobody asked for a restart
    assert process.alive(home.run_folder(run.id))
    assert stuck.ask(run.id) == 1
    assert HANGS_IN in told(run.id)[0].text
    runs.stop_run(run.id)
    process.kill(home.run_folder(run.id))
    assert until(run.id, RunStatus.STOPPED).facts.stuck_since is None


def test_a_hanging_worker_is_ended_and_goes_on_from_its_checkpoint_if_the_recipe_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table_rows.turn_knobs(monkeypatch, steps=20, save=5, hang_at=8)
    monkeypatch.setattr(stuck, "ANSWER_SECONDS", 0.2)
    run = runs.start_run("r", RESTARTS)
    until_step(run.id, 8)
    patience(monkeypatch, 0.6)
    until_begun_again(monkeypatch, run.id)
    done = until(run.id, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.INTERRUPTED, RunStatus.STOPPED)
    assert (done.status, done.attempt, done.auto_resumes, done.step) == (RunStatus.SUCCEEDED, 2, 1, 20)
    assert done.facts.resumed_from_step == 5
    assert done.facts.stuck_since is None
    assert done.facts.stuck is not None
    assert (done.facts.stuck.attempt, done.facts.stuck.ended) == (1, True)
    assert done.facts.notes == [f"Attempt 1: {verdict.STUCK} It was resumed by itself."]
    assert HANGS_IN in told(run.id)[0].text  # what the attempt that hung did can still be read


@pytest.mark.parametrize("hang_at", [fake_worker.BEFORE_ITS_FIRST_WORD, fake_worker.BEFORE_ITS_FIRST_STEP])
def test_a_worker_that_hangs_before_its_first_step_is_told_of_and_begins_again(
    monkeypatch: pytest.MonkeyPatch, hang_at: int
) -> None:
    table_rows.turn_knobs(monkeypatch, steps=5, pause=0.001, hang_at=hang_at)
    monkeypatch.setattr(stuck, "ANSWER_SECONDS", 0.2)
    patience(monkeypatch, 0.3)
    run = runs.start_run("r", RESTARTS)
    until_stuck(run.id)
    watching.look_at_running()
    with db.reading() as session:
        assert notices.last_of(session, run.id, "stuck") is not None
    until_begun_again(monkeypatch, run.id)
    done = until(run.id, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.INTERRUPTED, RunStatus.STOPPED)
    assert (done.status, done.auto_resumes, done.step, done.facts.resumed_from_step) == (RunStatus.SUCCEEDED, 1, 5, 0)


def test_what_loads_and_prints_is_not_stuck_and_what_saves_is_never_ended(home: Path) -> None:
    run = Run(id="r", name="r", project_id="p", model_id="m", dataset_id="d", recipe={"restart_when_stuck": True})
    run.facts = RunFacts(stage="loading")
    folder = home / "runs" / "r"
    folder.mkdir(parents=True)
    for file, at in ((events.FILE, 1000), (events.OUTPUT, 2000)):
        (folder / file).write_text("Loading weights: 10%")
        os.utime(folder / file, (at, at))
    assert stuck._sign_of_life(run, folder) == 2000
    assert (stuck.will_be_ended(run), stuck.seconds_to_end(run)) == (True, 1800)
    run.facts = RunFacts(stage="saving")
    assert stuck._sign_of_life(run, folder) == 1000
    assert not stuck.will_be_ended(run)


def test_a_run_that_hangs_again_at_once_is_not_restarted_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule of every resume: never again after the same failure unless there is a newer checkpoint."""
    end = verdict.judge(verdict.End(Path("f"), False, None, {"code": -9}, "", was_stuck=True))
    assert (end.status, end.error, end.again) == (RunStatus.INTERRUPTED, verdict.STUCK, "always")
    failed = {"kind": "failed", "category": "code", "message": "RuntimeError: another process is gone", "hint": ""}
    assert verdict.judge(verdict.End(Path("f"), False, failed, {"code": 1}, "", was_stuck=True)) == end
    assert verdict.judge(verdict.End(Path("f"), True, None, {"code": -9}, "", was_stuck=True)).status == "stopped"
    same = verdict.signature(end, 5)
    assert verdict.tries_again(end, 0, None, 5)
    assert not verdict.tries_again(end, 1, same, 5)
    assert verdict.tries_again(end, 1, same, 10)
    assert not verdict.tries_again(end, verdict.MOST_AUTO_RESUMES, same, 20)


def test_its_patience_is_ten_of_its_steps_and_never_less_than_five_minutes() -> None:
    def run(step: int, first_at: float, stage: str = "training") -> Run:
        facts = RunFacts(pace=(1, first_at), stage=stage)
        return Run(id="r", name="r", project_id="p", model_id="m", dataset_id="d", recipe={}, step=step, facts=facts)

    assert stuck._patience_seconds(run(11, 1000.0), said=1010.0) == 300  # a second a step
    assert stuck._patience_seconds(run(11, 1000.0), said=2000.0) == 1000  # a hundred
    assert stuck._patience_seconds(run(1, 1000.0), said=1000.0) == 900  # nobody knows yet
    assert stuck._patience_seconds(run(11, 1000.0, "saving"), said=1010.0) == 900
    wanted = {"restart_when_stuck": True}
    for step, stage, ended in ((11, "training", True), (1, "training", True), (11, "saving", False)):
        candidate = run(step, 1000.0, stage)
        assert not stuck.will_be_ended(candidate)
        candidate.recipe = wanted
        assert stuck.will_be_ended(candidate) is ended


def test_a_sign_of_life_says_nothing_and_is_one(tmp_path: Path) -> None:
    events.beat(tmp_path)  # before the first event there is nothing to touch
    assert events.last_written(tmp_path) is None
    events.append(tmp_path, events.Note(message="m"))
    os.utime(tmp_path / events.FILE, (1, 1))
    events.beat(tmp_path)
    assert abs((events.last_written(tmp_path) or 0) - time.time()) < 5
    assert len(events.read(tmp_path)[0]) == 1


def test_a_run_whose_folder_is_deleted_while_it_trains_fails_and_does_not_begin_anew() -> None:
    run = runs.start_run("r", RECIPE)
    tick_until(lambda: runs.look_up(run.id).step > 5 or None)
    worker = pids(run.id)["worker"]
    shutil.rmtree(home.run_folder(run.id), ignore_errors=True)
    shutil.rmtree(home.run_folder(run.id), ignore_errors=True)  # the worker may have written meanwhile
    failed = until(run.id, RunStatus.FAILED, RunStatus.SUCCEEDED)
    assert (failed.status, failed.error) == (RunStatus.FAILED, "The folder of this run was deleted while it trained.")
    wait_for(lambda: not Path(f"/proc/{worker}").exists())
    assert not (home.run_folder(run.id) / "plan.1.json").exists()
