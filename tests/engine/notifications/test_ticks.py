"""A second without news costs a few reads, however many runs, notifications and messages there are."""

from typing import Any

from engine.notifications import announce, courier, settings, watching
from engine.notifications.settings import Settings
from pages.notifications import bell
from storage import db
from storage.statuses import RunStatus
from storage.tables import Run
from tests.browser.stored_runs import add_run
from tests.load.counting import Counted, counting

SINK = {"name": "x", "service": "slack", "url": "https://hooks.slack.example/x"}


def second() -> Counted:
    with counting() as counted:
        watching.read_log()
        watching.look_at_running()
        courier.tick()
    return counted


def test_a_second_costs_the_same_with_many_runs_and_notifications() -> None:
    run = add_run("first")
    watching.read_log()
    few = second()
    with db.session() as session:
        row = session.get_one(Run, run)
        more: dict[str, Any] = row.model_dump(include={"project_id", "model_id", "dataset_id", "recipe"})
        session.add_all(Run(name=f"run {number}", status=RunStatus.QUEUED, **more) for number in range(300))
        for number in range(100):
            announce("finished", run, f"run {number}", session=session)
    many = second()
    assert (few.writes, many.writes) == (0, 0)
    assert len(many.statements) == len(few.statements) <= 8
    assert many.rows == few.rows


def test_the_bell_costs_two_statements_while_nothing_changes() -> None:
    for number in range(30):
        announce("finished", None, f"run {number}")
    query = {"project": "default", "role": "owner"}
    first = bell.bell_html(query)
    with counting() as counted:
        assert bell.bell_html(query) == first
    assert len([one for one in counted.statements if one.startswith("SELECT")]) == 2


def test_announcing_to_twenty_places_takes_the_write_lock_once() -> None:
    settings.change(Settings.model_validate({"sinks": [SINK] * 20}))
    with counting() as counted:
        announce("failed", None, "one")
    assert counted.writes == 1
