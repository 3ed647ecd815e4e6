"""How long a run took: the time its processes ran, all attempts together; the same wherever it is shown."""

from pathlib import Path

import pytest

from app.cli.runs import facts as cli_facts
from engine.runs import comparing, listing, runs, supervision
from pages.runs import view
from pages.runs.state import time_words
from storage import db
from storage.run_lists.wanted import Order, Wanted
from storage.statuses import RunStatus
from storage.tables import Run
from tests import stored_runs
from tests.engine import table_rows


def change(run_id: str, **values: object) -> Run:
    with db.session() as session:
        run = session.get_one(Run, run_id)
        for name, value in values.items():
            setattr(run, name, value)
    return runs.look_up(run_id)


def resume(run_id: str) -> Run:
    with db.session() as session:
        assert supervision.requeue(session, session.get_one(Run, run_id), "resumed")
    return runs.look_up(run_id)


def twice_run() -> str:
    """Queued at 0, run from 100 to 160 and from 1000 to 1030: 90 seconds."""
    run_id = stored_runs.add("twice", RunStatus.STOPPED, created_at=0.0, started_at=100.0, ended_at=160.0)
    resume(run_id)
    change(run_id, status=RunStatus.SUCCEEDED, started_at=1000.0, ended_at=1030.0)
    return run_id


def test_a_run_that_waits_again_has_taken_what_it_took_and_no_more_after_a_stop_there() -> None:
    run_id = stored_runs.add(status=RunStatus.STOPPED, started_at=100.0, ended_at=160.0)
    assert resume(run_id).seconds == 60.0
    stopped = runs.stop_run(run_id)
    assert (stopped.status, stopped.seconds, stopped.started_at) == (RunStatus.STOPPED, 60.0, None)
    assert stopped.ended_at is not None
    assert resume(run_id).seconds == 60.0


def test_a_run_stopped_before_its_first_start_has_ended_and_took_nothing() -> None:
    run_id = stored_runs.add(status=RunStatus.QUEUED)
    stopped = runs.stop_run(run_id)
    assert stopped.ended_at is not None
    assert (stopped.seconds, time_words(stopped)) == (None, "–")


def test_what_an_older_studio_stopped_in_the_queue_does_not_go_on() -> None:
    run_id = stored_runs.add(status=RunStatus.STOPPED, started_at=100.0)
    assert runs.look_up(run_id).seconds is None


def test_attempts_are_summed_and_the_charts_begin_with_the_first() -> None:
    run = runs.look_up(twice_run())
    assert (run.seconds, run.attempt, run.facts.began_at) == (90.0, 2, 100.0)
    third = change(run.id, status=RunStatus.FAILED)
    change(resume(third.id).id, status=RunStatus.FAILED, started_at=5000.0, ended_at=5010.0)
    assert runs.look_up(run.id).seconds == 100.0
    assert runs.look_up(run.id).facts.began_at == 100.0


def test_the_list_the_page_the_comparison_and_the_commands_say_the_same() -> None:
    run_id, other = twice_run(), stored_runs.add("once", started_at=0.0, ended_at=80.0)
    listed = {run.id: run for run in listing.page(Wanted("default"), 10, 0).runs}
    assert time_words(listed[run_id]) == "1 min 30 s"
    run = runs.look_up(run_id)
    assert "<dt>Took</dt><dd>1 min 30 s</dd>" in view.run_html(run, {})
    assert [one.seconds for one in comparing.compare([run_id, other]).runs] == [90.0, 80.0]
    assert cli_facts.facts(run)["seconds"] == 90.0
    assert cli_facts.facts(listed[run_id])["seconds"] == 90.0


def test_lists_are_sorted_by_the_time_that_they_show() -> None:
    twice_run()
    stored_runs.add("once", started_at=0.0, ended_at=80.0)
    run_id = stored_runs.add("stopped while it waited again", RunStatus.STOPPED, started_at=0.0, ended_at=85.0)
    resume(run_id)
    runs.stop_run(run_id)
    stored_runs.add("never", RunStatus.QUEUED)
    listed = listing.page(Wanted("default", order=Order("seconds")), 10, 0).runs
    assert [(run.name, run.seconds) for run in listed] == [
        ("twice", 90.0), ("stopped while it waited again", 85.0), ("once", 80.0), ("never", None),
    ]  # fmt: skip


def test_two_attempts_of_a_training_are_summed(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    table_rows.furnish(monkeypatch)
    table_rows.turn_knobs(monkeypatch, steps=500, pause=0.02)
    run = runs.start_run("r", table_rows.RECIPE)
    table_rows.tick_until(lambda: runs.look_up(run.id).step > 1 or None)
    runs.stop_run(run.id)
    first = table_rows.until(run.id, RunStatus.STOPPED)
    assert first.seconds == pytest.approx((first.ended_at or 0) - (first.started_at or 0))
    runs.resume_run(run.id)
    table_rows.tick_until(lambda: runs.look_up(run.id).status == RunStatus.RUNNING or None)
    runs.stop_run(run.id)
    second = table_rows.until(run.id, RunStatus.STOPPED)
    last = (second.ended_at or 0) - (second.started_at or 0)
    assert second.seconds == pytest.approx((first.seconds or 0) + last)
    assert second.facts.began_at == first.started_at
