"""The view of the queue, and what its buttons do."""

import time
from typing import Any

import pytest

from engine.process import device_memory
from engine.runs.queue.holders import Device, Holder
from pages.home import page as home_page
from pages.runs import page as runs
from pages.runs.queue.devices import devices_html
from storage import db
from storage import runs as stored_runs
from storage.queued import order, state
from storage.statuses import RunStatus
from storage.tables import Run
from tests.engine.table_rows import add_rows
from tests.pages.clicks import Click

HOSTILE = "<img src=x onerror=alert(1)>${alert(2)} \u202e"
QUEUE = {"project": "default", "queue": "1"}


@pytest.fixture(autouse=True)
def furnished() -> None:
    add_rows()


def put(name: str, status: RunStatus = RunStatus.QUEUED, **values: Any) -> str:
    run = Run(project_id="default", name=name, model_id="m1", dataset_id="d1", recipe={}, status=status)
    for field, value in values.items():
        setattr(run, field, value)
    with db.session() as session:
        session.add(run)
    return run.id


def click(act: str, id: str, /, **values: str) -> None:
    event: Any = Click(act, id, **values)
    runs.act(event)


def line() -> list[str]:
    with db.reading() as session:
        return [run.name for run in order.waiting(session, 100)]


def test_a_run_without_an_estimate_says_that_its_time_is_what_it_ran_so_far() -> None:
    put("now", RunStatus.RUNNING, device="cpu", started_at=time.time() - 5 * 3600 - 60)
    assert "<small>5 h 1 min so far</small>" in runs.runs_html(QUEUE)
    assert "<small>5 h 1 min so far</small>" in home_page.home_html({"project": "default"})


def test_an_empty_queue_says_that_nothing_runs_or_waits() -> None:
    shown = runs.runs_html(QUEUE)
    assert "Nothing trains now." in shown
    assert "Nothing waits." in shown
    assert "Nobody computes here." in shown


def test_names_are_text_everywhere() -> None:
    first = put(HOSTILE)
    put(HOSTILE, RunStatus.RUNNING)
    put(HOSTILE, after_run_id=first, hold="after")
    shown = runs.runs_html(QUEUE)
    assert "<img" not in shown
    assert "&lt;img src=x" in shown


def test_buttons_move_a_run_and_are_off_at_the_ends() -> None:
    ids = {name: put(name) for name in "abc"}
    assert 'aria-label="Move a up" title="Move a up" disabled' in runs.runs_html(QUEUE)
    assert 'aria-label="Move c down" title="Move c down" disabled' in runs.runs_html(QUEUE)
    click("queue-up", ids["c"])
    assert line() == ["a", "c", "b"]
    click("queue-down", ids["a"])
    assert line() == ["c", "a", "b"]
    click("queue-move", ids["b"], before=ids["c"], behind="")
    assert line() == ["b", "c", "a"]
    click("queue-move", ids["b"], before="", behind=ids["a"])
    assert line() == ["c", "a", "b"]


def test_priority_and_after_are_set_and_taken_back() -> None:
    ids = {name: put(name) for name in "ab"}
    click("queue-priority", ids["b"], priority="10")
    assert line() == ["b", "a"]
    click("queue-after", ids["b"], after=ids["a"], only="1")
    assert "The end of `a`, if that succeeds." in runs.runs_html(QUEUE)
    click("queue-after", ids["b"], after=ids["a"])  # the box is empty
    assert "The end of `a`." in runs.runs_html(QUEUE)
    click("queue-anyway", ids["b"])
    assert "The end of" not in runs.runs_html(QUEUE)


def test_a_blocked_run_shows_why_and_can_be_started_anyway() -> None:
    failed = put("bad", RunStatus.FAILED)
    put("next", after_run_id=failed, hold="blocked")
    shown = runs.runs_html(QUEUE)
    assert "Blocked: `bad` has failed" in shown
    assert "Start anyway" in shown


def test_pause_settings_and_their_words() -> None:
    put("a")
    click("queue-pause", "queue")
    shown = runs.runs_html(QUEUE)
    assert "The queue is paused." in shown
    assert "Go on" in shown
    click("queue-go-on", "queue")
    assert "Somebody has paused it" not in runs.runs_html(QUEUE)
    click("queue-settings", "queue", after_failure="stop", minutes="2.5")
    with db.reading() as session:
        settings = state.current(session)
    assert (settings.stop_after_failure, settings.sleep_idle_minutes) == (True, 2.5)
    click("queue-settings", "queue", after_failure="go_on", minutes="")
    with db.reading() as session:
        assert state.current(session).sleep_idle_minutes is None


def test_a_viewer_sees_the_queue_and_no_button_of_it() -> None:
    put("a")
    shown = runs.runs_html({**QUEUE, "role": "viewer"})
    assert "A free device" in shown
    assert "data-act" not in shown


def test_the_list_and_home_lead_to_the_queue() -> None:
    put("a", RunStatus.RUNNING)
    assert "/runs?queue=1" in runs.runs_html({"project": "default"})
    assert "/runs?queue=1" in home_page.home_html({"project": "default"})


def test_home_shows_what_trains_however_many_runs_came_after_it() -> None:
    put("the one that trains", RunStatus.RUNNING, created_at=1.0)
    for number in range(8):
        put(f"later {number}")
    shown = home_page.home_html({"project": "default"})
    assert "the one that trains" in shown
    assert "8 runs wait in the queue." in shown
    with db.reading() as session:
        assert [run.name for run in stored_runs.first_moving(session, 2)] == ["the one that trains", "later 0"]


def test_a_queued_run_says_on_its_own_page_what_it_waits_for() -> None:
    first = put("first")
    second = put("second", after_run_id=first, hold="after")
    assert "The end of `first`" in runs.runs_html({"project": "default", "run": second})
    assert "Waiting for its turn" in runs.runs_html({"project": "default", "run": first})


def test_devices_show_what_is_known_and_only_that() -> None:
    training = Holder("training", "r1", "jokes", "running", "gpu:0", True, 3 << 30, 20 << 30, 1.0, ("stop_run",))
    served = Holder("endpoint", "e1", "bot", "ready", "gpu:0", False, None, None, 1.0, ("sleep_endpoint",))
    shown = devices_html([Device("gpu:0", 80 << 30, None, [training, served]), Device("cpu", 8 << 30, 2 << 30)], True)
    assert "use not known" in shown
    assert "21.5 GB on the GPU, 3.2 GB of memory" in shown
    assert "memory not known" in shown
    assert 'data-act="queue-free-sleep_endpoint" data-id="e1"' in shown
    assert "Nobody computes here." in shown


def test_the_drivers_words_are_read_and_what_it_does_not_tell_is_left_out() -> None:
    said = device_memory.parsed("12, 300\n12, 200\n13, [N/A]\n", "0, 1000\n1, 2000\n")
    assert said.by_process == {12: 500 << 20}
    assert said.free == {"gpu:0": 1000 << 20, "gpu:1": 2000 << 20}
