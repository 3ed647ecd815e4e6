"""Jobs, moved on by their ticks while their files and runs are made to end this way or that. No process runs."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.finetuning import asked, files, jobs, moving, story
from engine.finetuning.jobs import Known
from engine.finetuning.wrong import ParameterError
from engine.process import events
from engine.runs import runs
from engine.train import check as refusals
from storage import db, home
from storage import runs as stored_runs
from storage.openai import jobs as stored
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Run, TuningFile, TuningJob
from storage.transitions import move_run

BODY = {"model": "m", "training_file": "file-d1"}


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model, a chat dataset that is ready, and one that is still read; nothing real to look into."""
    monkeypatch.setattr(refusals, "RULES", ())
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id="/m", name="m", path="/m", status=ModelStatus.READY))
        for name, status in (("d1", DatasetStatus.READY), ("d2", DatasetStatus.IMPORTING)):
            row = Dataset(id=name, project_id="default", name=name, sha256="0" * 64, kind="chat", status=status)
            row.accepted, row.source_name = 20, f"{name}.jsonl"
            session.add(row)
            session.flush()
            session.add(TuningFile(id=f"file-{name}x", dataset_id=name, filename=f"{name}.jsonl"))


def change(table: type[Any], row_id: str | None, **values: Any) -> None:
    with db.session() as session:
        session.get_one(table, row_id).sqlmodel_update(values)


def made(**more: Any) -> str:
    return jobs.create(asked.parse({**BODY, **more})).job.id


def after_tick(job_id: str) -> Known:
    moving.tick()
    return jobs.look_up(job_id)


def started(**more: Any) -> tuple[str, str]:
    """A job whose run waits in the queue: both ids."""
    job_id = made(**more)
    run_id = after_tick(job_id).job.run_id
    assert run_id is not None
    return job_id, run_id


def moves(run_id: str, *path: RunStatus, **columns: Any) -> None:
    """What supervision does to a run."""
    for status in path:
        with db.session() as session:
            run = session.get_one(Run, run_id)
            assert move_run(session, run, run.status, status, "a test", **columns)


def test_a_job_waits_for_its_file_and_then_starts_by_itself() -> None:
    job_id = made(training_file="file-d2x")
    assert after_tick(job_id).status == "validating_files"
    change(Dataset, "d2", status=DatasetStatus.READY)
    known = after_tick(job_id)
    assert (known.status, known.job.stage) == ("queued", "started")
    assert known.run is not None
    assert (known.run.dataset_id, known.run.name) == ("d2", known.job.model_name)


def test_a_kill_between_the_run_and_its_note_starts_nothing_twice() -> None:
    job_id, run_id = started()
    change(TuningJob, job_id, stage="validating", run_id=None)
    assert after_tick(job_id).job.run_id == run_id
    with db.reading() as session:
        assert stored_runs.count(session) == 1


def test_the_same_key_gives_the_same_job() -> None:
    first, again = (jobs.create(asked.parse(BODY), "once").job.id for _ in range(2))
    assert first == again
    assert jobs.create(asked.parse(BODY), "twice").job.id != first


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"status": DatasetStatus.FAILED, "error": "It is empty.", "hint": "Send rows."}, "It is empty. Send rows."),
        ({"status": DatasetStatus.NEEDS_MAPPING}, "Map them"),
        ({"accepted": 0}, "No row"),
        ({"kind": "preference"}, "`supervised` learns from chats"),
    ],
)
def test_a_file_that_cannot_be_used_fails_the_job(columns: dict[str, Any], says: str) -> None:
    job_id = made()
    change(Dataset, "d1", **columns)
    known = after_tick(job_id)
    assert known.status == "failed"
    assert known.job.error is not None
    assert (known.job.error["code"], known.job.error["param"]) == ("invalid_file_format", "training_file")
    assert says in known.job.error["message"]
    assert story.newest_first(known, 1, None)[0].level == "error"


def test_a_deleted_dataset_fails_the_job_that_waits_for_it() -> None:
    job_id = made(training_file="file-d2")
    with db.session() as session:
        session.delete(session.get_one(Dataset, "d2"))
    known = after_tick(job_id)
    assert known.job.error is not None
    assert (known.status, known.job.error["code"]) == ("failed", "file_not_found")


@pytest.mark.parametrize(
    ("columns", "code"),
    [({"kind": "preference"}, "invalid_file_format"), ({"accepted": 21}, "validation_file_too_large")],
)
def test_a_validation_file_has_to_go_with_the_training_file(columns: dict[str, Any], code: str) -> None:
    job_id = made(validation_file="file-d2x", hyperparameters={"n_epochs": 1})
    assert after_tick(job_id).status == "validating_files"
    change(Dataset, "d2", status=DatasetStatus.READY, **columns)
    known = after_tick(job_id)
    assert known.job.error is not None
    assert (known.job.error["code"], known.job.error["param"]) == (code, "validation_file")


def test_a_status_is_the_runs() -> None:
    job_id, run_id = started()
    for path, status in (
        ((RunStatus.STARTING,), "running"),
        ((RunStatus.RUNNING,), "running"),
        ((RunStatus.INTERRUPTED,), "running"),  # it is about to be taken up again
    ):
        moves(run_id, *path)
        assert jobs.look_up(job_id).status == status
    change(Run, run_id, moved_at=time.time() - 61)
    assert jobs.look_up(job_id).status == "failed"
    moves(run_id, RunStatus.QUEUED, RunStatus.STARTING, RunStatus.RUNNING)
    moves(run_id, RunStatus.SUCCEEDED, ended_at=time.time(), artifact="adapter")
    assert jobs.look_up(job_id).status == "succeeded"


def test_a_paused_job_rests_and_goes_on() -> None:
    job_id, run_id = started()
    moves(run_id, RunStatus.STARTING, RunStatus.RUNNING)
    assert jobs.pause(job_id).status == "paused"
    assert after_tick(job_id).status == "paused"
    assert runs.look_up(run_id).status == RunStatus.STOPPING
    moves(run_id, RunStatus.STOPPED)
    known = after_tick(job_id)
    assert (known.status, known.job.asked) == ("paused", "paused")
    assert after_tick(job_id).status == "paused"
    with pytest.raises(ParameterError, match="is paused"):
        jobs.pause(job_id)
    assert jobs.resume(job_id).status == "queued"
    known = after_tick(job_id)
    assert (known.status, known.job.asked) == ("queued", "")
    with pytest.raises(ParameterError, match="is queued"):
        jobs.resume(job_id)


def test_what_a_person_does_on_the_runs_page_is_not_undone() -> None:
    job_id, run_id = started()
    jobs.pause(job_id)
    after_tick(job_id)
    after_tick(job_id)
    assert runs.look_up(run_id).status == RunStatus.STOPPED
    runs.resume_run(run_id)
    known = after_tick(job_id)
    assert (known.status, known.job.asked) == ("queued", "")
    runs.stop_run(run_id)
    assert after_tick(job_id).status == "cancelled"


@pytest.mark.parametrize("cut_off", [False, True])
def test_a_cancelled_job_leaves_no_run_at_work(cut_off: bool) -> None:
    job_id, run_id = started()
    if cut_off:  # by a kill, before the run was noted
        change(TuningJob, job_id, stage="validating", run_id=None)
    assert jobs.cancel(job_id).status == "cancelled"
    after_tick(job_id)
    known = after_tick(job_id)
    assert (known.status, known.job.stage, known.job.run_id) == ("cancelled", "cancelled", run_id)
    assert runs.look_up(run_id).status == RunStatus.STOPPED
    for act in (jobs.cancel, jobs.pause, jobs.resume):
        with pytest.raises(ParameterError, match="is cancelled"):
            act(job_id)


def test_a_job_that_waits_for_its_file_can_be_paused_resumed_and_cancelled() -> None:
    job_id = made(training_file="file-d2x")
    jobs.pause(job_id)
    change(Dataset, "d2", status=DatasetStatus.READY)
    assert after_tick(job_id).status == "paused"
    assert after_tick(job_id).job.run_id is None
    assert jobs.resume(job_id).status == "validating_files"
    jobs.cancel(job_id)
    known = after_tick(job_id)
    assert (known.job.stage, known.job.run_id) == ("cancelled", None)


@pytest.mark.parametrize("act", [jobs.cancel, jobs.pause])
def test_a_run_that_ends_before_it_can_be_stopped_has_ended(act: Callable[[str], Known]) -> None:
    job_id, run_id = started()
    moves(run_id, RunStatus.STARTING, RunStatus.RUNNING)
    act(job_id)
    moves(run_id, RunStatus.SUCCEEDED, artifact="adapter")
    status = "cancelled" if act is jobs.cancel else "succeeded"
    assert (after_tick(job_id).status, jobs.look_up(job_id).job.asked) == (status, "")


def test_a_model_is_named_by_id_name_or_what_an_earlier_job_left() -> None:
    with pytest.raises(ParameterError) as refused:
        made(model="gpt-4o-mini")
    assert (refused.value.param, refused.value.code) == ("model", "model_not_found")
    job_id, run_id = started(model="m1")
    name = jobs.look_up(job_id).job.model_name
    with pytest.raises(ParameterError, match="has not left it"):
        made(model=name)
    moves(run_id, RunStatus.STARTING, RunStatus.RUNNING, RunStatus.SUCCEEDED, artifact="adapter")
    (home.run_folder(run_id) / "adapter").mkdir(parents=True)
    _, further = started(model=name)
    assert runs.look_up(further).recipe["start_from"] == run_id


def test_a_multiplier_that_is_too_much_is_refused_by_name() -> None:
    assert made(hyperparameters={"learning_rate_multiplier": 5000})  # exactly 1
    with pytest.raises(ParameterError, match="a learning rate of 2") as refused:
        made(hyperparameters={"learning_rate_multiplier": 10_000})
    assert refused.value.param == "hyperparameters.learning_rate_multiplier"


def test_a_file_that_a_run_needs_is_no_longer_shown_and_its_dataset_stays() -> None:
    started(training_file="file-d1x")
    files.delete("file-d1x")
    files.delete("file-d2x")
    assert files.listed(10, None, False) == []
    with db.reading() as session:
        assert session.get(Dataset, "d1") is not None
        assert session.get(Dataset, "d2") is None
    with pytest.raises(ParameterError, match="Data page"):
        files.delete("file-d1")


def test_the_story_goes_on_where_a_page_ended_and_ids_stay_while_it_grows() -> None:
    job_id, run_id = started()
    moves(run_id, RunStatus.STARTING, RunStatus.RUNNING)
    folder = home.ensure_folder(home.run_folder(run_id))
    for step in range(1, 700):
        events.append(folder, events.Step(step=step, metrics={"loss": 1 / step}))
        if step == 350:
            events.append(folder, events.Saved(step=step, checkpoint="c"))
    before = [told.id for told in story.newest_first(jobs.look_up(job_id), 10_000, None)]
    moves(run_id, RunStatus.STOPPING)
    events.append(folder, events.Step(step=700, metrics={"loss": 0.1, "eval_loss": 0.2}))
    known = jobs.look_up(job_id)
    told = story.newest_first(known, 10_000, None)
    assert [one.id for one in told[2:]] == before
    assert told[0].data == {"step": 700, "total_steps": None, "train_loss": 0.1, "valid_loss": 0.2}
    assert len({one.id for one in told}) == len(told) == 700 + 1 + 2 + 1 + 2
    paged, after = [], None
    while page := story.newest_first(known, 97, after):
        paged += page
        after = page[-1].id
    assert paged == told
    assert [one.at for one in told] == sorted((one.at for one in told), reverse=True)
    with pytest.raises(ParameterError):
        story.newest_first(known, 1, "ftevent-x")


def test_jobs_are_found_by_their_labels() -> None:
    wanted = made(metadata={"team": 'a"b', "x": "1"})
    made(metadata={"team": "other"})
    with db.reading() as session:
        assert [job.id for job in stored.listed(session, 5, labels={"team": 'a"b', "x": "1"})] == [wanted]
