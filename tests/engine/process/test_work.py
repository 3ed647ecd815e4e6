"""Work about something: done once, started again once, stopped, and gone with what it was about."""

import json

import pytest

from engine.errors import NotFoundError
from engine.process import attempts, plan, process, work, work_kinds
from storage import db, home
from storage.statuses import WorkStatus
from storage.tables import Work
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def _counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WORKERS, "counting", "tests.engine.process.fake_work")
    monkeypatch.setitem(work_kinds.KINDS, "counting", work_kinds.Kind("count"))
    monkeypatch.setitem(plan.WORKERS, "token_rows", "tests.engine.process.fake_work")


def status(piece: Work) -> str:
    work.tick()
    return work.look_up(piece.id).status


def test_work_is_done_once_and_its_result_is_kept() -> None:
    first = work.start("counting", "d1", {"count": 2})
    done = work.wait(first.id, 20)
    assert (done.status, done.result["count"]) == (WorkStatus.SUCCEEDED, 2)
    assert (work.folder(done) / "counted.txt").read_text() == "2"
    assert work.start("counting", "d1", {"count": 2}).id == first.id
    assert work.start("counting", "d2", {"count": 2}).id != first.id
    latest = work.latest("d1", "counting")
    assert latest
    assert latest.id == first.id


def test_work_whose_folder_is_gone_is_done_again() -> None:
    first = work.wait(work.start("counting", "d1", {}).id, 20)
    work.folder(first).joinpath("counted.txt").unlink()
    process.end(work.folder(first))
    for path in work.folder(first).iterdir():
        path.unlink()
    work.folder(first).rmdir()
    assert work.start("counting", "d1", {}).id != first.id


def test_a_failure_carries_the_workers_words_and_can_be_tried_again() -> None:
    failed = work.wait(work.start("counting", "d1", {"fail": "No row is left."}).id, 20)
    assert (failed.status, failed.error, failed.hint) == (WorkStatus.FAILED, "No row is left.", "Change it.")
    assert work.start("counting", "d1", {"fail": "No row is left."}).id != failed.id


def test_a_worker_that_dies_is_started_again_once() -> None:
    assert work.wait(work.start("counting", "d1", {"die": "once"}).id, 30).status == WorkStatus.SUCCEEDED
    failed = work.wait(work.start("counting", "d1", {"die": "always"}).id, 30)
    assert (failed.status, failed.attempt) == (WorkStatus.FAILED, 2)


def test_only_so_many_run_at_once_but_nobody_waits_for_a_page() -> None:
    slow = [work.start("counting", "d1", {"pause": 60, "count": number + 1}) for number in range(3)]
    assert [piece.status for piece in slow] == [WorkStatus.RUNNING, WorkStatus.RUNNING, WorkStatus.QUEUED]
    assert work.wait(work.start("token_rows", "d1", {}).id, 20).status == WorkStatus.SUCCEEDED
    assert work.stop(slow[0].id).status == WorkStatus.STOPPED
    assert status(slow[2]) == WorkStatus.RUNNING
    work.forget_subject("d1")
    with pytest.raises(NotFoundError):
        work.look_up(slow[1].id)
    assert not any((home.home() / "work").iterdir())


def test_progress_shows_while_it_runs() -> None:
    counting = work.start("counting", "d1", {"pause": 0.3, "count": 4})
    wait_for(lambda: status(counting) and work.look_up(counting.id).progress)
    assert work.look_up(counting.id).stage == "counting"
    assert work.stop(counting.id).status == WorkStatus.STOPPED
    assert work.stop(counting.id).status == WorkStatus.STOPPED


def test_a_secret_reaches_the_worker_and_no_file() -> None:
    done = work.wait(work.start("counting", "d1", {}, {"SECRET_OF_THE_TEST": "xyzzy42"}).id, 20)
    assert done.result["secret"] == 7
    assert not [path for path in work.folder(done).rglob("*") if path.is_file() and b"xyzzy42" in path.read_bytes()]
    assert "xyzzy42" not in json.dumps(done.model_dump(), default=str)


def test_what_needs_secrets_or_a_device_is_never_begun_by_a_tick_and_fails_when_its_studio_was_killed() -> None:
    lost = Work(kind="counting", subject_id="d1", key="k", spec={}, status=WorkStatus.RUNNING, retries=0)
    with db.session() as session:
        session.add(lost)
    with attempts.starting(work.folder(lost)):  # the one who has the secrets is about to start it
        assert status(lost) == WorkStatus.RUNNING
    assert status(lost) == WorkStatus.FAILED
    assert "before this began" in str(work.look_up(lost.id).error)
    assert not (work.folder(lost) / "shim.json").exists()


def test_what_is_not_tried_again_begins_with_its_first_attempt_and_dies_once() -> None:
    died = work.wait(work.start("counting", "d1", {"die": "always"}, {"SECRET_OF_THE_TEST": "x"}).id, 30)
    assert (died.status, died.attempt) == (WorkStatus.FAILED, 1)
    assert (work.folder(died) / "plan.1.json").exists()


def test_pages_that_are_quickly_made_again_are_dropped_after_a_day() -> None:
    page = work.wait(work.start("token_rows", "d1", {}).id, 20)
    with db.session() as session:
        fresh = session.get(Work, page.id)
        assert fresh
        assert fresh.ended_at
        fresh.ended_at -= 25 * 3600
    work.drop_old()
    with pytest.raises(NotFoundError):
        work.stop(page.id)
