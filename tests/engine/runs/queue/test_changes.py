"""The queue with a real shim and a fake worker: what starts next, what waits for what. The test ticks."""

from pathlib import Path

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.runs import runs, supervision
from engine.runs.queue import changes
from storage import db, evaluations
from storage.queued import order
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Run
from tests.engine import table_rows
from tests.engine.table_rows import RECIPE, until

ENDED = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.STOPPED, RunStatus.INTERRUPTED)
NO_RETRY = RECIPE.model_copy(update={"auto_resume": False})


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    table_rows.furnish(monkeypatch)


def queue_up(names: str) -> dict[str, str]:
    """Runs in the queue, by name."""
    return {name: runs.start_run(name, NO_RETRY).id for name in names}


def line() -> str:
    """The names in order."""
    with db.reading() as session:
        return "".join(run.name for run in order.waiting(session, 100))


def status_of(run_id: str) -> RunStatus:
    return runs.look_up(run_id).status


def hold_of(run_id: str) -> str:
    return runs.look_up(run_id).hold


def set_status(run_id: str, status: RunStatus) -> None:
    with db.session() as session:
        session.get_one(Run, run_id).status = status


def test_a_greater_priority_starts_first() -> None:
    ids = queue_up("abc")
    changes.change(ids["c"], priority=5)
    changes.change(ids["a"], priority=-5)
    assert line() == "cba"
    supervision.launch.call_local()
    assert [status_of(ids[name]) for name in "abc"] == ["queued", "queued", "starting"]
    with pytest.raises(RefusedError, match="`priority` is 101"):
        changes.change(ids["a"], priority=101)
    with pytest.raises(ConflictError, match="`c` does not wait in the queue: it is starting"):
        changes.change(ids["c"], priority=0)


def test_runs_are_moved_by_one_place_before_another_and_as_a_whole_order() -> None:
    ids = queue_up("abcd")
    for run, by, expected in (
        ("b", -1, "bacd"),
        ("b", -1, "bacd"),
        ("d", 1, "bacd"),
        ("b", 1, "abcd"),
        ("c", 1, "abdc"),
    ):
        changes.shift(ids[run], by)
        assert line() == expected
    changes.move(ids["c"], ids["a"])
    changes.move(ids["a"], None)
    assert line() == "cbda"
    changes.move(ids["a"], behind=ids["c"])
    changes.move(ids["c"], behind=ids["d"])
    assert line() == "abdc"
    changes.reorder([ids[name] for name in "abcd"])
    assert line() == "abcd"
    assert runs.start_run("e", NO_RETRY).name == "e"
    assert line() == "abcde"


def test_an_order_with_a_stale_unknown_or_repeated_run_is_refused_and_changes_nothing() -> None:
    ids = queue_up("abc")
    runs.stop_run(ids["c"])
    for run_ids, kind, words in (
        ([ids["b"], ids["c"]], ConflictError, "`c` does not wait in the queue: it is stopped"),
        ([ids["b"], "nothing"], NotFoundError, "no run `nothing`"),
        ([ids["b"], ids["b"]], RefusedError, "twice"),
    ):
        with pytest.raises(kind, match=words):
            changes.reorder(run_ids)
    with pytest.raises(ConflictError, match="it is stopped"):
        changes.move(ids["a"], ids["c"])
    assert line() == "ab"


def test_a_paused_queue_starts_nothing_also_after_a_restart_and_what_runs_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table_rows.turn_knobs(monkeypatch, steps=1000, pause=0.02)
    ids = queue_up("ab")
    until(ids["a"], RunStatus.RUNNING)
    changes.pause()
    monkeypatch.setenv("FAKE_STEPS", "5")
    db.forget()  # as a restart does: everything is read again
    supervision.tick()
    assert (status_of(ids["a"]), status_of(ids["b"])) == (RunStatus.RUNNING, RunStatus.QUEUED)
    runs.stop_run(ids["a"])
    until(ids["a"], RunStatus.STOPPED)
    supervision.tick()
    assert status_of(ids["b"]) == RunStatus.QUEUED
    paused_at = changes.settings().paused_at
    assert changes.pause().paused_at == paused_at  # pressed twice
    changes.go_on()
    assert until(ids["b"], *ENDED).status == RunStatus.SUCCEEDED


def test_a_run_starts_after_another_one_and_lets_those_behind_it_go_first() -> None:
    ids = queue_up("abc")
    changes.change(ids["a"], after=ids["b"])
    assert (line(), hold_of(ids["a"])) == ("abc", "after")
    until(ids["b"], *ENDED)
    assert hold_of(ids["a"]) == ""
    until(ids["a"], *ENDED)
    assert (runs.look_up(ids["a"]).started_at or 0) > (runs.look_up(ids["b"]).ended_at or 0)


def test_one_that_waited_for_a_run_which_failed_is_blocked_until_somebody_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = queue_up("abc")
    changes.change(ids["b"], after=ids["a"])
    changes.change(ids["c"], after=ids["a"], only_if_succeeded=False)
    monkeypatch.setenv("FAKE_FAIL", "data")
    until(ids["a"], RunStatus.FAILED)
    monkeypatch.delenv("FAKE_FAIL")
    assert (hold_of(ids["b"]), hold_of(ids["c"])) == ("blocked", "")
    until(ids["c"], *ENDED)  # any end would do
    assert status_of(ids["b"]) == RunStatus.QUEUED
    runs.resume_run(ids["a"])  # the one remedy: wait for it again
    assert hold_of(ids["b"]) == "after"
    until(ids["b"], RunStatus.SUCCEEDED)
    assert status_of(ids["a"]) == RunStatus.SUCCEEDED


def test_a_resumed_run_goes_back_to_its_place_in_the_queue() -> None:
    ids = queue_up("abcd")
    runs.stop_run(ids["b"])
    assert line() == "acd"
    changes.move(ids["d"], before=ids["a"])
    runs.resume_run(ids["b"])
    assert line() == "dabc"
    set_status(ids["a"], RunStatus.FAILED)
    queue_up("e")
    runs.resume_run(ids["a"])
    assert line() == "dabce"


def test_a_blocked_run_starts_when_it_waits_for_no_other_any_more() -> None:
    ids = queue_up("ab")
    changes.change(ids["b"], after=ids["a"])
    runs.stop_run(ids["a"])
    assert hold_of(ids["b"]) == "blocked"
    runs.delete_run(ids["a"])
    assert hold_of(ids["b"]) == "blocked"  # that it never succeeded is still true
    changes.start_anyway(ids["b"])
    assert until(ids["b"], *ENDED).status == RunStatus.SUCCEEDED


def test_circles_are_refused_with_the_whole_circle() -> None:
    ids = queue_up("abc")
    with pytest.raises(ConflictError, match="`a` after `a`"):
        changes.change(ids["a"], after=ids["a"])
    changes.change(ids["b"], after=ids["a"])
    changes.change(ids["c"], after=ids["b"])
    with pytest.raises(ConflictError, match="`a` after `c` after `b` after `a`"):
        changes.change(ids["a"], after=ids["c"])
    with pytest.raises(NotFoundError, match="no run `gone`"):
        changes.change(ids["a"], after="gone")
    assert hold_of(ids["a"]) == ""


def test_a_circle_cannot_come_about_by_a_run_that_has_ended_and_is_resumed() -> None:
    ids = queue_up("ab")
    changes.change(ids["a"], after=ids["b"], only_if_succeeded=False)
    runs.stop_run(ids["a"])
    with pytest.raises(ConflictError, match="circle"):
        changes.change(ids["b"], after=ids["a"])


def test_after_a_failure_the_queue_goes_on_or_stops_as_it_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FAIL", "data")
    changes.set_behaviour(stop_after_failure=True, sleep_idle_minutes=None)
    ids = queue_up("ab")
    until(ids["a"], RunStatus.FAILED)
    supervision.tick()
    assert status_of(ids["b"]) == RunStatus.QUEUED
    assert "`a` has failed" in changes.settings().pause_reason
    changes.set_behaviour(stop_after_failure=False, sleep_idle_minutes=None)
    changes.go_on()
    until(ids["b"], RunStatus.FAILED)
    assert changes.settings().paused_at is None


def test_a_run_that_is_stopped_by_a_person_is_no_failure() -> None:
    changes.set_behaviour(stop_after_failure=True, sleep_idle_minutes=None)
    ids = queue_up("ab")
    runs.stop_run(ids["a"])
    assert until(ids["b"], *ENDED).status == RunStatus.SUCCEEDED


def test_a_run_whose_dataset_or_model_is_not_ready_waits_and_others_go_first() -> None:
    ids = queue_up("ab")
    with db.session() as session:
        session.get_one(Model, "m1").status = ModelStatus.QUEUED
    supervision.tick()
    assert [hold_of(ids[name]) for name in "ab"] == ["model", "model"]
    with db.session() as session:
        session.get_one(Model, "m1").status = ModelStatus.READY
        session.get_one(Dataset, "d1").status = DatasetStatus.IMPORTING
    supervision.tick()
    assert hold_of(ids["a"]) == "dataset"
    with db.session() as session:
        session.get_one(Dataset, "d1").status = DatasetStatus.READY
    assert until(ids["a"], *ENDED).status == RunStatus.SUCCEEDED


def test_evaluations_do_not_wait_for_runs_that_may_not_start() -> None:
    ids = queue_up("ab")
    with db.reading() as session:
        assert evaluations.training_wants(session, None)
    changes.change(ids["b"], after=ids["a"])
    runs.stop_run(ids["a"])
    with db.reading() as session:
        assert not evaluations.training_wants(session, None)  # b is blocked
    changes.start_anyway(ids["b"])
    changes.pause()
    with db.reading() as session:
        assert not evaluations.training_wants(session, None)


def test_minutes_that_are_none_are_refused() -> None:
    for minutes in (0, 0.5, -1, 10_081, float("nan")):
        with pytest.raises(RefusedError, match="`sleep_idle_minutes` is"):
            changes.set_behaviour(stop_after_failure=False, sleep_idle_minutes=minutes)
