"""What is told of runs: every end and every new beginning once, the stuck, the best values, and a disk that fills."""

import time
from typing import Any

import pytest
from sqlmodel import select

from engine.notifications import settings, watching
from engine.notifications.settings import Settings
from storage import db, home, runs, transitions
from storage.statuses import RunStatus
from storage.tables import Notification, NotificationState, Run, RunFacts
from tests.browser.stored_runs import add_run


def titles() -> list[str]:
    with db.reading() as session:
        return [f"{one.kind}: {one.title}" for one in session.exec(select(Notification).order_by(Notification.id))]  # type: ignore[arg-type]


def move(run_id: str, before: RunStatus, after: RunStatus, reason: str = "", **changes: Any) -> None:
    with db.session() as session:
        assert transitions.move_run(session, session.get_one(Run, run_id), before, after, reason, **changes)


def change(run_id: str, **columns: Any) -> None:
    with db.session() as session:
        for name, value in columns.items():
            setattr(session.get_one(Run, run_id), name, value)


@pytest.fixture
def run_id() -> str:
    run = add_run("jokes", RunStatus.RUNNING)
    watching.read_log()
    return run


def test_what_was_before_the_first_look_is_not_told() -> None:
    run = add_run("old", RunStatus.RUNNING)
    move(run, RunStatus.RUNNING, RunStatus.SUCCEEDED)
    watching.read_log()
    watching.read_log()
    assert titles() == []


def test_a_run_that_ends_is_told_once_with_what_came_out(run_id: str) -> None:
    change(run_id, step=100, loss=0.51234, started_at=1000.0)
    move(run_id, RunStatus.RUNNING, RunStatus.SUCCEEDED, ended_at=1180.0)
    watching.read_log()
    watching.read_log()
    with db.reading() as session:
        (told,) = session.exec(select(Notification)).all()
    assert (told.kind, told.title, told.run_id) == ("finished", "jokes has finished", run_id)
    assert told.text == "100 steps, loss 0.5123, 3 min."


def test_interrupted_and_resumed_are_told_and_a_stop_by_a_person_is_not(run_id: str) -> None:
    move(run_id, RunStatus.RUNNING, RunStatus.INTERRUPTED, "The training process disappeared.")
    move(run_id, RunStatus.INTERRUPTED, RunStatus.QUEUED, "resumed by itself")
    move(run_id, RunStatus.QUEUED, RunStatus.STARTING)
    move(run_id, RunStatus.STARTING, RunStatus.STOPPED)
    watching.read_log()
    assert titles() == ["interrupted: jokes was interrupted", "resumed: jokes goes on"]


def test_a_failure_after_which_the_run_goes_on_by_itself_is_told_as_that(run_id: str) -> None:
    reason = "went on by itself with batch 2"
    move(run_id, RunStatus.RUNNING, RunStatus.FAILED, "Out of memory.")
    move(run_id, RunStatus.FAILED, RunStatus.QUEUED, reason, attempt=2)
    move(run_id, RunStatus.QUEUED, RunStatus.FAILED, "It needs 2 devices.")
    watching.read_log()
    assert titles() == ["resumed: jokes goes on", "failed: jokes has failed"]


def test_why_a_run_failed_is_told_without_secrets(run_id: str) -> None:
    error = "Cannot fetch: token=hf_abcdefghijklmnopqrstuvwxyz"
    change(run_id, hint="Check the token.")
    move(run_id, RunStatus.RUNNING, RunStatus.FAILED, error)
    watching.read_log()
    with db.reading() as session:
        (told,) = session.exec(select(Notification)).all()
    assert told.text.splitlines() == ["Cannot fetch: token=[hidden]", "Check the token."]


def test_trials_of_a_sweep_tell_nothing(run_id: str) -> None:
    change(run_id, facts=RunFacts(trial_of="sweep"))
    move(run_id, RunStatus.RUNNING, RunStatus.SUCCEEDED)
    watching.read_log()
    assert titles() == []


def test_a_run_that_is_stuck_is_told_once_for_each_time(run_id: str) -> None:
    for since in (time.time() - 600, time.time() - 600, time.time() - 300):
        change(run_id, facts=RunFacts.model_validate({"stuck_since": since}))
        watching.look_at_running()
    assert titles() == ["stuck: jokes makes no step"] * 2


def test_a_new_best_value_is_told_but_not_the_first_and_not_all_the_time(run_id: str) -> None:
    def evaluate(step: int, loss: float) -> list[str]:
        with db.session() as session:
            runs.add_metrics(session, [(run_id, "eval_loss", step, loss)])
        watching.look_at_running()
        return titles()

    assert evaluate(10, 2.0) == []
    assert evaluate(20, 2.5) == []
    assert evaluate(30, 1.5) == ["best: jokes has a new best value"]
    assert evaluate(40, 1.0) == ["best: jokes has a new best value"]
    with db.session() as session:
        session.exec(select(Notification)).one().at -= watching.BEST_SECONDS
    watching.look_at_running()
    with db.reading() as session:
        texts = [told.text for told in session.exec(select(Notification))]
    assert texts[1] == "eval_loss is 1 at step 40; the best before was 1.5."


def test_the_best_of_a_curve_is_its_first_extreme() -> None:
    nan = float("nan")
    assert watching.best_of([], greater=False) is None
    assert watching.best_of([(1, nan), (2, 3.0), (3, 3.0)], greater=False) is None
    assert watching.best_of([(1, 3.0), (2, nan), (3, 2.0), (4, 2.0)], greater=False) == (3, 2.0, 3.0)
    assert watching.best_of([(1, 3.0), (2, 4.0), (3, 2.0)], greater=True) == (2, 4.0, 3.0)


def test_a_disk_that_fills_is_told_once_until_there_is_room_again() -> None:
    free = home.free_bytes() / 1e9
    for limit in (free + 50, free + 50, 0, free + 50):
        settings.change(Settings(disk_low_gb=limit))
        watching.look_at_disk()
    assert [title.partition(":")[0] for title in titles()] == ["disk_low", "disk_low"]


def test_a_kind_that_nobody_wants_is_not_shown(run_id: str) -> None:
    settings.change(Settings(in_app=["failed"]))
    move(run_id, RunStatus.RUNNING, RunStatus.SUCCEEDED)
    watching.read_log()
    with db.reading() as session:
        assert [told.shown for told in session.exec(select(Notification))] == [False]


def test_a_round_without_news_only_reads(run_id: str) -> None:
    with db.session() as session:  # holds the write lock: a round that wants it fails
        session.get_one(NotificationState, 1).disk_low_gb = 7
        session.flush()
        watching.tick()
