"""Evaluations wait behind trainings, step aside for them, survive kills, and are kept."""

import os
import signal
from pathlib import Path

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.evaluate import deleting, evaluations, line, reports
from engine.evaluate.evaluations import Wanted
from engine.process import devices, plan, process, work
from engine.runs import runs
from storage import db, home
from storage.evaluations import Filter
from storage.statuses import DatasetStatus, RunStatus, WorkStatus
from storage.tables import Dataset, Evaluation, Lease, Lesson, Run
from tests.serving import finished_run, ready_model
from tests.waiting import wait_for


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fake evaluator in place of the real one; it ends when this file is there."""
    monkeypatch.setitem(plan.WORKERS, "evaluate", "tests.fake_evaluator")
    monkeypatch.setenv("FAKE_GATE", str(tmp_path / "gate"))
    monkeypatch.setenv("TUNESMITH_REPORTS", "1")
    return tmp_path / "gate"


@pytest.fixture
def run(gate: Path) -> Run:
    model = ready_model()
    Path(str(model.path), "config.json").write_text("{}")
    return finished_run(model)


def planned(run: Run) -> str:
    """Its report, as the end of a run plans it."""
    with db.session() as session:
        reports.plan(session, session.get_one(Run, run.id))
    return reports.log_of(run.id)[-1].id


def until(evaluation_id: str, status: WorkStatus) -> Evaluation:
    """Plays the reconciler until the evaluation has that status."""

    def found() -> Evaluation | None:
        work.tick()
        line.tick()
        row = evaluations.look_up(evaluation_id)
        return row if row.status == status else None

    there = wait_for(found)
    assert there is not None, evaluations.look_up(evaluation_id)
    return there


def queued_run(run: Run, status: RunStatus = RunStatus.QUEUED) -> str:
    with db.session() as session:
        other = Run(name="next", project_id="default", model_id=run.model_id, dataset_id=run.dataset_id, recipe={})
        other.status = status
        session.add(other)
    return other.id


def test_a_run_that_succeeds_gets_a_report_and_the_first_one_counts(
    run: Run, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = planned(run)
    assert (reports.of_run(run.id)["status"], reports.first_of(run.id)) == ("queued", None)
    until(first, WorkStatus.RUNNING)
    gate.touch()
    until(first, WorkStatus.SUCCEEDED)
    found = reports.of_run(run.id)
    assert (found["verdict"], found["rows"], found["reports"]) == ("better", 40, 1)
    monkeypatch.setenv("FAKE_RESULT", '{"verdict": "worse"}')
    again = reports.again(run.id)
    assert (again["status"], again["reports"]) == ("queued", 2)
    assert reports.again(run.id)["evaluation_id"] == again["evaluation_id"], "one under way is given, not another made"
    until(str(again["evaluation_id"]), WorkStatus.SUCCEEDED)
    counted = reports.first_of(run.id)
    assert counted is not None
    assert (reports.of_run(run.id)["verdict"], counted["verdict"]) == ("worse", "better")
    with pytest.raises(ConflictError, match="first report"):
        deleting.delete(first)


def test_no_report_begins_while_a_training_waits_and_one_steps_aside_for_it(run: Run, gate: Path) -> None:
    waiting = queued_run(run)
    report = planned(run)
    line.tick()
    assert evaluations.look_up(report).status == WorkStatus.QUEUED
    move(waiting, RunStatus.SUCCEEDED)
    began = until(report, WorkStatus.RUNNING)
    assert devices.held_by(str(began.work_id)) == devices.CPU
    with db.reading() as session:
        alone = devices.DeviceRequest("run", "another", exclusive=True)
        assert devices.would_take(session, (devices.CPU,), alone) == devices.CPU, "a training need not wait for it"
    move(waiting, RunStatus.QUEUED)
    line.tick()
    aside = evaluations.look_up(report)
    assert (aside.status, aside.work_id) == (WorkStatus.QUEUED, None)
    assert not home.work_folder(str(began.work_id)).exists()
    move(waiting, RunStatus.SUCCEEDED)
    gate.touch()
    assert until(report, WorkStatus.SUCCEEDED).result["verdict"] == "better"


def move(run_id: str, status: RunStatus) -> None:
    with db.session() as session:
        session.get_one(Run, run_id).status = status


def test_one_steps_aside_for_whoever_has_its_device_alone(run: Run, gate: Path) -> None:
    report = planned(run)
    until(report, WorkStatus.RUNNING)
    with db.session() as session:
        session.add(Lease(holder_id="a-measurement", holder_kind="other", device=devices.CPU))
    line.tick()
    assert evaluations.look_up(report).status == WorkStatus.QUEUED
    line.tick()
    assert evaluations.look_up(report).status == WorkStatus.QUEUED


def test_a_worker_that_is_killed_is_started_again(run: Run, gate: Path) -> None:
    report = planned(run)
    work_id = str(until(report, WorkStatus.RUNNING).work_id)
    folder = home.work_folder(work_id)
    wait_for(lambda: (folder / "events.jsonl").exists())
    pid = process.shim_pid(folder)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not process.alive(folder))  # its worker has died with it
    gate.touch()
    assert until(report, WorkStatus.SUCCEEDED).result["verdict"] == "better"
    assert work.look_up(work_id).attempt == 2


def test_one_that_was_cut_off_before_its_worker_began_is_begun(run: Run, gate: Path) -> None:
    """As a studio leaves it that is killed between the two."""
    report = planned(run)
    with db.session() as session:
        session.get_one(Evaluation, report).status = WorkStatus.RUNNING
    gate.touch()
    assert until(report, WorkStatus.SUCCEEDED).result["verdict"] == "better"


def test_stop_ends_it_and_it_can_be_asked_for_again(run: Run, gate: Path) -> None:
    report = planned(run)
    work_id = str(until(report, WorkStatus.RUNNING).work_id)
    assert evaluations.stop(report).status == WorkStatus.STOPPED
    assert not home.work_folder(work_id).exists()
    found = reports.of_run(run.id)
    assert (found["status"], found["error"]) == ("failed", "It was stopped.")
    line.tick()
    assert evaluations.look_up(report).status == WorkStatus.STOPPED
    assert reports.again(run.id)["reports"] == 2


def test_a_run_of_an_older_studio_has_none_and_says_so(run: Run) -> None:
    found = reports.of_run(run.id)
    assert (found["status"], found["verdict"], found["reports"]) == ("failed", None, 0)
    assert "There is no report" in found["error"]
    assert "POST" in found["hint"]
    with pytest.raises(NotFoundError):
        reports.of_run("none")
    move(run.id, RunStatus.STOPPED)
    with pytest.raises(ConflictError, match="has not succeeded"):
        reports.of_run(run.id)


def test_trials_of_a_sweep_get_none(run: Run) -> None:
    with db.session() as session:
        row = session.get_one(Run, run.id)
        row.facts = row.facts.model_copy(update={"trial_of": "s1"})
        reports.plan(session, row)
    assert reports.log_of(run.id) == []


def test_what_is_compared_must_be_there(run: Run, gate: Path) -> None:
    with pytest.raises(RefusedError, match="is not a model"):
        evaluations.create(Wanted("x", "nothing"))
    with pytest.raises(NotFoundError, match="There is no model `none`"):
        evaluations.create(Wanted("x", "model:none", dataset_id="d"))
    with pytest.raises(RefusedError, match="with itself"):
        evaluations.create(Wanted("x", f"run:{run.id}", against=f"run:{run.id}"))
    with pytest.raises(RefusedError, match="no rows were held out"):
        evaluations.create(Wanted("x", f"model:{run.model_id}", against=f"run:{run.id}"))
    made = evaluations.create(Wanted("x", f"run:{run.id}", tags=("first", "first", " second ")))
    assert (made.against, made.tags) == (f"model:{run.model_id}", ["first", "second"])
    Path(home.run_folder(run.id), "adapter", "adapter_config.json").unlink()
    failed = until(made.id, WorkStatus.FAILED)
    assert "no weights" in str(failed.error)


def test_one_that_waits_for_the_import_of_its_rows_lets_others_go_first(run: Run, gate: Path) -> None:
    gate.touch()
    with db.session() as session:
        session.add(Dataset(id="own", project_id="default", name="own", status=DatasetStatus.READY, sha256="1" * 64))
    waiting = evaluations.create(Wanted("x", f"run:{run.id}", dataset_id="own"))
    with db.session() as session:
        session.get_one(Dataset, "own").status = DatasetStatus.IMPORTING
    report = planned(run)
    until(report, WorkStatus.SUCCEEDED)
    assert evaluations.look_up(waiting.id).status == WorkStatus.QUEUED


def test_they_are_found_by_words_and_tags(run: Run) -> None:
    made = [evaluations.create(Wanted(f"No. {number}", f"run:{run.id}", tags=(f"t{number}",))) for number in range(3)]
    assert [row.id for row in evaluations.recent()[0]] == [row.id for row in reversed(made)]
    assert [row.id for row in evaluations.recent(Filter(tag="t1"))[0]] == [made[1].id]
    assert [row.id for row in evaluations.recent(Filter(search="no. 2"))[0]] == [made[2].id]
    assert evaluations.recent(Filter(search="%"))[1] == 0
    assert evaluations.tag(made[0].id, ["other"]).tags == ["other"]


def test_a_run_takes_its_reports_along(run: Run, gate: Path) -> None:
    report = planned(run)
    work_id = str(until(report, WorkStatus.RUNNING).work_id)
    runs.delete_run(run.id)
    with pytest.raises(NotFoundError):
        evaluations.look_up(report)
    assert not home.work_folder(work_id).exists()


def test_the_report_on_the_lesson_waits_until_its_model_can_be_talked_to(run: Run, gate: Path) -> None:
    gate.touch()
    with db.session() as session:
        session.add(Lesson(project_id="default", stage="serving", run_id=run.id))
        session.add(Dataset(id="own", project_id="default", name="own", status=DatasetStatus.READY, sha256="1" * 64))
    report = planned(run)
    line.tick()
    assert evaluations.look_up(report).status == WorkStatus.QUEUED
    assert reports.is_waiting(run.id)
    reports.judge_by(run.id, "own")
    with db.session() as session:
        session.get_one(Lesson, "default").stage = "ready"
    done = until(report, WorkStatus.SUCCEEDED)
    assert (done.dataset_id, done.result["asked"].endswith(f"{'1' * 64}.parquet")) == ("own", True)
    assert not reports.is_waiting(run.id)
    assert reports.again(run.id)["dataset_id"] == "own"
