"""The life of a run, with a real shim and a fake worker. The test plays the reconciler: it ticks."""

import json
import math
import os
import signal
import threading
from pathlib import Path

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import attempts, devices, events, plan, process
from engine.runs import curves, deleting, runs, supervision, verdict
from engine.weights import checkpoints
from storage import db, home, transitions
from storage import runs as stored_runs
from storage.statuses import EndpointStatus, RunStatus
from storage.tables import Backend, Dataset, Endpoint, Lease, Run
from tests.engine import table_rows
from tests.engine.table_rows import RECIPE, moves, pids, tick_until, until
from tests.waiting import wait_for

ENDED = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.STOPPED, RunStatus.INTERRUPTED)
NO_RETRY = RECIPE.model_copy(update={"auto_resume": False})


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    table_rows.furnish(monkeypatch)


def steps(run_id: str) -> list[int]:
    return [step for step, _ in curves.read(run_id, "loss").points]


def test_a_run_goes_from_the_queue_to_a_result_with_its_whole_curve() -> None:
    run = runs.start_run("  My first\trun ", RECIPE)
    assert (run.status, run.name) == (RunStatus.QUEUED, "My first run")
    run = until(run.id, *ENDED)
    assert (run.status, run.error, run.artifact) == (RunStatus.SUCCEEDED, None, "adapter")
    assert moves(run.id) == [("queued", "starting"), ("starting", "running"), ("running", "succeeded")]
    assert steps(run.id) == list(range(1, 21))
    assert (run.step, run.max_steps, run.tokens_per_second, run.device) == (20, 20, 100.0, "cpu")
    assert run.loss == curves.read(run.id, "loss").points[-1][1]
    assert run.started_at is not None
    assert run.ended_at is not None
    assert devices.holders() == []


def test_progress_speed_and_time_left_show_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, steps=1000, pause=0.02)
    run = runs.start_run("r", RECIPE)
    running = tick_until(lambda: current if (current := runs.look_up(run.id)).eta_seconds else None)
    assert running.eta_seconds is not None
    assert 1 < running.eta_seconds < 1000
    assert running.status == RunStatus.RUNNING
    assert [lease.holder_id for lease in devices.holders()] == [run.id]
    runs.stop_run(run.id)
    until(run.id, RunStatus.STOPPED)


def test_events_read_twice_change_nothing() -> None:
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    before = curves.read(run.id, "loss").points
    with db.session() as session:
        row = session.get_one(Run, run.id)
        row.events_offset, row.status, row.attempt = 0, RunStatus.RUNNING, 1
    run = until(run.id, *ENDED)
    assert run.status == RunStatus.SUCCEEDED
    assert curves.read(run.id, "loss").points == before


def test_one_training_at_a_time_first_come_first_served(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, steps=1000, pause=0.02)
    first, second, third = (runs.start_run(name, RECIPE) for name in ("a", "b", "c"))
    supervision.launch.call_local()  # the bell of the third rings first; it is not its turn
    until(first.id, RunStatus.RUNNING)
    assert {runs.look_up(run.id).status for run in (second, third)} == {RunStatus.QUEUED}
    runs.stop_run(second.id)
    assert moves(second.id) == [("queued", "stopped")]
    runs.stop_run(first.id)
    until(third.id, RunStatus.RUNNING)
    runs.stop_run(third.id)
    until(third.id, RunStatus.STOPPED)


def test_stop_saves_a_checkpoint_and_resume_goes_on_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, steps=100, pause=0.03)
    run = runs.start_run("r", RECIPE)
    tick_until(lambda: runs.look_up(run.id).step > 3 or None)
    assert runs.stop_run(run.id).status == RunStatus.STOPPING
    assert runs.stop_run(run.id).status == RunStatus.STOPPING  # pressed twice
    stopped = until(run.id, *ENDED)
    assert (stopped.status, stopped.artifact) == (RunStatus.STOPPED, None)
    [checkpoint] = runs.checkpoints(run.id)
    assert checkpoint["step"] == stopped.step
    assert checkpoint["good"]
    assert checkpoint["size_bytes"] > 0
    monkeypatch.setenv("FAKE_PAUSE", "0.001")
    assert runs.resume_run(run.id).attempt == 2
    done = until(run.id, *ENDED)
    assert (done.status, done.attempt) == (RunStatus.SUCCEEDED, 2)
    assert done.facts.resumed_from_step == stopped.step
    assert steps(run.id) == list(range(1, 101))
    with pytest.raises(ConflictError, match="succeeded"):
        runs.resume_run(run.id)
    with pytest.raises(ConflictError, match="ended already"):
        runs.stop_run(run.id)


def test_stop_while_it_starts_ends_it_at_its_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, steps=1000, pause=0.02)
    run = runs.start_run("r", RECIPE)
    supervision.launch.call_local()
    assert runs.stop_run(run.id).status == RunStatus.STOPPING
    assert until(run.id, *ENDED).status == RunStatus.STOPPED


def test_a_worker_that_does_not_stop_is_terminated_then_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, steps=10_000, ignore_stop=2)
    monkeypatch.setattr(supervision, "STOP_SECONDS", 0.3)
    monkeypatch.setattr(supervision, "KILL_SECONDS", 1.0)
    run = runs.start_run("r", RECIPE)
    until(run.id, RunStatus.RUNNING)
    runs.stop_run(run.id)
    assert until(run.id, *ENDED).status == RunStatus.STOPPED
    assert process.sweep(home.run_folder(run.id)) == 0
    assert devices.holders() == []


@pytest.mark.parametrize("who", ["worker", "shim"])
def test_a_killed_process_is_found_and_the_run_resumed_from_its_checkpoint(
    monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    table_rows.turn_knobs(monkeypatch, steps=60, pause=0.02, save=5, spawn=1)
    run = runs.start_run("r", RECIPE)
    tick_until(lambda: runs.look_up(run.id).step > 7 or None)
    os.kill(pids(run.id)[who], signal.SIGKILL)
    done = until(run.id, *ENDED)
    assert (done.status, done.attempt, done.auto_resumes) == (RunStatus.SUCCEEDED, 2, 1)
    assert ("running", "interrupted") in moves(run.id)
    assert ("interrupted", "queued") in moves(run.id)
    assert (done.facts.resumed_from_step or 0) >= 5
    assert steps(run.id) == list(range(1, 61))
    assert "Attempt 1" in done.facts.notes[0]
    assert process.sweep(home.run_folder(run.id)) == 0


def test_without_auto_resume_it_stays_interrupted_and_gives_its_device_back(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, crash_at=7, save=5)
    run = until(runs.start_run("r", NO_RETRY).id, *ENDED)
    assert run.status == RunStatus.INTERRUPTED
    assert "signal 9" in (run.error or "")
    assert devices.holders() == []


def test_a_damaged_checkpoint_is_put_aside_and_the_one_before_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, crash_at=12, save=5)
    run = until(runs.start_run("r", NO_RETRY).id, *ENDED)
    folder = home.run_folder(run.id)
    (checkpoints.folder_of(folder) / "checkpoint-10" / "state.json").write_text('{"step": 11}')
    monkeypatch.delenv("FAKE_CRASH_AT")
    runs.resume_run(run.id)
    done = until(run.id, *ENDED)
    assert (done.status, done.facts.resumed_from_step) == (RunStatus.SUCCEEDED, 5)
    assert (folder / "quarantine" / "checkpoint-10").is_dir()


def test_the_same_crash_without_a_newer_checkpoint_is_not_tried_a_third_time(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, crash_at=3)
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    assert (run.status, run.attempt, run.auto_resumes) == (RunStatus.INTERRUPTED, 2, 1)


@pytest.mark.parametrize("category", ["data", "config", "disk"])
def test_what_trying_again_cannot_mend_fails_at_once(monkeypatch: pytest.MonkeyPatch, category: str) -> None:
    table_rows.turn_knobs(monkeypatch, fail=f"{category}:6", save=5)
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    assert (run.status, run.attempt) == (RunStatus.FAILED, 1)
    assert (run.error, run.hint) == (f"no good: {category}", "try otherwise")


def test_a_failure_of_the_code_is_tried_again_once_when_it_had_come_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, fail="code:6", save=5)
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    assert (run.status, run.attempt) == (RunStatus.FAILED, 2)


def test_a_crash_is_shown_with_the_workers_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, exit=3)
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    assert (run.status, run.attempt) == (RunStatus.FAILED, 1)
    assert run.error == "The training process ended without a result (exit code 3).\nImportError: no such library"


def test_success_without_a_result_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, no_artifact=1)
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    assert run.status == RunStatus.FAILED
    assert "is missing" in (run.error or "")


def test_the_same_idempotency_key_gives_the_same_run_even_to_twenty_at_once() -> None:
    run_ids: list[str] = []

    def start() -> None:
        run_ids.append(runs.start_run("r", RECIPE, idempotency_key="k").id)

    threads = [threading.Thread(target=start) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(run_ids) == 20
    assert len(set(run_ids)) == 1
    assert runs.start_run("other", RECIPE, idempotency_key="k").id == run_ids[0]
    assert runs.start_run("r", RECIPE, idempotency_key="k2").id != run_ids[0]


def taken_from_the_queue(run: Run) -> None:
    """As by somebody who is killed, or very slow, before the process is there."""
    with db.session() as session:
        devices.take(session, ("cpu",), devices.DeviceRequest("run", run.id, exclusive=True))
        assert transitions.move_run(session, run, RunStatus.QUEUED, RunStatus.STARTING, device="cpu")


def test_a_run_that_was_taken_from_the_queue_by_somebody_who_died_is_started() -> None:
    run = runs.start_run("r", RECIPE)
    taken_from_the_queue(run)
    done = until(run.id, *ENDED)
    assert (done.status, done.attempt) == (RunStatus.SUCCEEDED, 1)


def test_nobody_plans_a_start_that_another_is_about_to_make() -> None:
    run = runs.start_run("r", RECIPE)
    folder = home.run_folder(run.id)
    with attempts.starting(folder):
        supervision.tick()
        supervision.tick()
        assert runs.look_up(run.id).status == RunStatus.STARTING
        assert not process.was_started(folder, 1)
        assert not (folder / "spec.json").exists()
    assert until(run.id, *ENDED).status == RunStatus.SUCCEEDED


def test_one_that_is_stopped_in_that_state_never_starts() -> None:
    run = runs.start_run("r", RECIPE)
    folder = home.run_folder(run.id)
    taken_from_the_queue(run)
    runs.stop_run(run.id)
    assert until(run.id, *ENDED).status == RunStatus.STOPPED
    attempts.start(folder, 1, lambda: plan.Plan(["true"]))  # the slow one comes after all
    assert not (folder / "shim.json").exists()
    assert devices.holders() == []


def test_a_run_whose_dataset_has_no_rows_fails_with_the_reason() -> None:
    with db.session() as session:
        session.get_one(Dataset, "d1").sha256 = None
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    assert run.status == RunStatus.FAILED
    assert "no rows" in (run.error or "")
    assert devices.holders() == []


def test_a_nearly_full_disk_refuses_to_start_and_to_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.start_run("r", RECIPE)
    monkeypatch.setattr(supervision, "LEAST_FREE_BYTES", 1 << 62)
    with pytest.raises(ConflictError, match="free"):
        runs.start_run("r", RECIPE)
    with pytest.raises(ConflictError, match="free"):
        runs.resume_run(run.id)
    waiting = until(run.id, *ENDED)  # it was queued while there was room
    assert waiting.status == RunStatus.FAILED
    assert "free" in (waiting.error or "")


def test_a_run_whose_recipe_no_longer_holds_fails_and_does_not_hold_up_the_others() -> None:
    broken, good = runs.start_run("broken", RECIPE), runs.start_run("good", RECIPE)
    with db.session() as session:
        session.get_one(Run, broken.id).recipe = {}
    assert until(good.id, *ENDED).status == RunStatus.SUCCEEDED
    assert "recipe" in (runs.look_up(broken.id).error or "")


def test_delete_removes_row_points_and_folder_but_never_a_moving_run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.start_run("r", RECIPE)
    with pytest.raises(ConflictError, match="queued"):
        runs.delete_run(run.id)
    until(run.id, *ENDED)
    folder = home.run_folder(run.id)
    runs.delete_run(run.id)
    with pytest.raises(NotFoundError):
        runs.look_up(run.id)
    monkeypatch.setattr(deleting, "UNDO_SECONDS", -10)  # the time to undo is over
    deleting.remove_due()
    assert not folder.exists()
    with db.reading() as session:
        assert stored_runs.curve(session, run.id, "loss") == []


def test_a_run_that_is_served_is_not_deleted() -> None:
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    with db.session() as session:
        session.add(Endpoint(id="e1", project_id="default", name="e"))
        session.flush()
        session.add(Backend(endpoint_id="e1", kind="transformers", adapters=[run.id], status=EndpointStatus.READY))
    with pytest.raises(ConflictError, match="serves"):
        runs.delete_run(run.id)


def test_names_are_kept_short_and_plain() -> None:
    run = runs.start_run("r", RECIPE)
    assert runs.rename_run(run.id, " <b>new</b> name").name == "<b>new</b> name"
    assert runs.look_up(run.id).name == "<b>new</b> name"
    for name in ("", "  ", "x" * 121, "a\x00b"):
        with pytest.raises(RefusedError):
            runs.rename_run(run.id, name)


def test_what_does_not_exist_is_not_found() -> None:
    for act in (runs.look_up, runs.stop_run, runs.resume_run, runs.delete_run, runs.checkpoints):
        with pytest.raises(NotFoundError):
            act("nothing")
    for fields in ({"model_id": "x"}, {"dataset_id": "x"}):
        with pytest.raises(NotFoundError):
            runs.start_run("r", RECIPE.model_copy(update=fields))
    with pytest.raises(NotFoundError, match="project"):
        runs.start_run("r", RECIPE, project_id="x")


def test_the_preview_is_the_command_that_runs() -> None:
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    folder = home.run_folder(run.id)
    argv = json.loads((folder / "plan.1.json").read_text())["argv"]
    assert runs.preview(RECIPE).replace("RUN", str(folder)) == " ".join(argv)
    spec = json.loads((folder / "spec.json").read_text())
    assert (spec["device"], spec["resume_from"], spec["attempt"], spec["dataset_kind"]) == ("cpu", None, 1, "chat")
    assert spec["recipe"] == RECIPE.model_dump()


def test_events_come_from_a_cursor_and_are_valid_json() -> None:
    run = runs.start_run("r", NO_RETRY)
    folder = home.ensure_folder(home.run_folder(run.id))
    events.append(folder, events.Step(step=1, metrics={"loss": math.nan, "lr": 0.5}))
    new_events, cursor = runs.events_after(run.id)
    assert new_events[0]["metrics"] == {"loss": None, "lr": 0.5}
    assert runs.events_after(run.id, cursor) == ([], cursor)


def test_a_loss_that_is_no_number_is_noted_and_breaks_nothing() -> None:
    run = runs.start_run("r", NO_RETRY)
    events.append(home.ensure_folder(home.run_folder(run.id)), events.Step(step=1, metrics={"loss": math.nan}))
    events.append(home.run_folder(run.id), events.Note(message="mind this"))
    events.append(home.run_folder(run.id), events.Progress(done=0, stage="loading"))
    done = until(run.id, *ENDED)
    assert "nan at step 1" in done.facts.notes[0]
    assert done.facts.notes[1] == "mind this"
    assert done.loss is not None


def test_a_lease_whose_run_has_vanished_is_taken_back() -> None:
    with db.session() as session:
        session.add(Lease(holder_id="gone", holder_kind="run", device="cpu"))
    devices.tick()
    assert devices.holders() == []


def test_every_move_is_in_the_log_with_its_reason() -> None:
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    with db.reading() as session:
        assert [move.reason for move in transitions.log(session, run.id)][:2] == [
            "cpu is free",
            "the training has begun",
        ]


def test_a_worker_outlives_the_ticks_and_is_read_on_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, steps=40, pause=0.02)
    run = runs.start_run("r", RECIPE)
    until(run.id, RunStatus.RUNNING)
    wait_for(lambda: not process.alive(home.run_folder(run.id)))  # nobody ticks meanwhile
    assert until(run.id, *ENDED).status == RunStatus.SUCCEEDED
    assert steps(run.id) == list(range(1, 41))


def end(tmp_path: Path, **changes: object) -> verdict.Verdict:
    fields = {"folder": tmp_path, "asked_to_stop": False, "ending": None, "record": None, "last_words": "x"}
    return verdict.judge(verdict.End(**{**fields, **changes}))  # type: ignore[arg-type]


def test_an_end_by_lack_of_memory_is_a_failure_and_tried_again_with_less(tmp_path: Path) -> None:
    judged = end(tmp_path, record={"code": -9, "out_of_memory": True})
    assert (judged.status, judged.again) == (RunStatus.FAILED, "smaller")
    assert "memory" in (judged.error or "")


def test_a_chat_template_that_never_ends_is_the_models_fault(tmp_path: Path) -> None:
    judged = end(tmp_path, record={"code": -signal.SIGPROF})
    assert (judged.status, judged.again) == (RunStatus.FAILED, "never")
    assert "chat template" in (judged.error or "")


def test_a_disk_so_full_that_the_failure_could_not_be_written_is_known_by_the_log(tmp_path: Path) -> None:
    judged = end(tmp_path, record={"code": 1}, last_words="OSError: [Errno 28] No space left on device")
    assert (judged.error, judged.again) == ("The disk is full.", "never")


def test_a_worker_that_ended_as_if_by_a_signal_was_interrupted(tmp_path: Path) -> None:
    assert end(tmp_path, record={"code": 143}).status == RunStatus.INTERRUPTED


def test_no_more_than_three_times_in_all() -> None:
    crash = verdict.Verdict(RunStatus.INTERRUPTED, "x", again="always")
    assert verdict.tries_again(crash, 2, "5 x", 10)
    assert not verdict.tries_again(crash, 3, "5 x", 10)
    assert not verdict.tries_again(crash, 1, "10 x", 10)
    assert verdict.tries_again(crash, 1, "10 y", 10)
