"""The home page: invitation, lesson, work, machine."""

import re
import time
from typing import Any

import gradio as gr
import pytest

from engine.lesson import addition_rows, lesson, plain_rows
from pages import shell
from pages.home import machine_facts
from pages.home import page as home
from storage import db
from storage.statuses import EndpointStatus, RunStatus
from storage.tables import Backend, Dataset, Endpoint, Lease, Lesson, Model, Run
from tests.load.counting import counting
from tests.pages.clicks import Click, Visitor

HOSTILE = "<img src=x onerror=alert(1)>${alert(2)} C:\\users"
DEFAULT = {"project": "default"}


@pytest.fixture(autouse=True)
def rows() -> None:
    with db.session() as session:
        model = Model(id="m1", source="starter", source_id="s", name="starter", progress=0.4, stage="downloading")
        session.add(model)
        session.add(Dataset(id="d1", project_id="default", name="sums"))


def add_run(id: str, name: str, status: RunStatus, **values: Any) -> None:
    run = Run(id=id, project_id="default", name=name, model_id="m1", dataset_id="d1", recipe={}, status=status)
    for field, value in values.items():
        setattr(run, field, value)
    with db.session() as session:
        session.add(run)


def set_lesson(stage: str, **values: Any) -> str:
    with db.session() as session:
        session.merge(Lesson(project_id="default", stage=stage, **values))
    return home.home_html(DEFAULT)


def test_an_empty_home_has_one_button_and_says_what_it_will_do() -> None:
    shown = home.home_html(DEFAULT)
    assert shown.count("data-act=") == 1
    for words in ("Run the first lesson", "93 MB", "Talk to it"):
        assert words in shown
    assert "in about two minutes" not in shown


def test_the_button_starts_the_lesson_in_the_chosen_project() -> None:
    event: Any = Click("lesson")
    home.act(event, Visitor())
    started = lesson.state("default")
    assert started
    assert started.stage == "fetching"


def test_a_lesson_on_its_way_can_be_stopped(toasts: list[str]) -> None:
    assert 'data-act="stop-lesson"' in set_lesson("importing")
    event: Any = Click("stop-lesson")
    home.act(event, Visitor())
    stopped = lesson.state("default")
    assert stopped
    assert (stopped.stage, stopped.error) == ("failed", lesson.STOPPED)
    shown = home.home_html({"project": "default"})
    assert "You stopped it." in shown
    assert "Try again" in shown
    assert 'data-act="stop-lesson"' not in shown
    home.act(event, Visitor())
    assert toasts[0].startswith("The lesson is failed.")


def test_another_button_starts_nothing() -> None:
    event: Any = Click("else")
    home.act(event, Visitor())
    assert lesson.state("default") is None


def test_fetching_shows_its_progress() -> None:
    shown = set_lesson("fetching", model_id="m1")
    assert 'aria-valuenow="40.0"' in shown
    assert "downloading 40%" in shown
    assert "Run the first lesson" not in shown


def test_training_shows_its_loss_as_it_falls() -> None:
    add_run("r1", "First lesson", RunStatus.RUNNING, step=22, max_steps=40, eta_seconds=31)
    shown = set_lesson("training", model_id="m1", dataset_id="d1", run_id="r1")
    assert "22 of 40 · 31 s left" in shown
    assert "so far" in shown
    assert 'run="r1"' in shown
    assert shown.count('data-state="done"') == 2
    assert "Latest runs" not in shown  # the lesson's own run stands above


@pytest.mark.parametrize("stage", ["fetching", "training", "serving", "ready"])
def test_the_lesson_promises_no_time_that_was_not_measured(stage: str) -> None:
    add_run("r1", "First lesson", RunStatus.RUNNING, step=1, max_steps=40, started_at=time.time() - 75)
    began = time.time() - 200
    shown = set_lesson(stage, model_id="m1", run_id="r1", created_at=began)
    assert not re.search(r"about a minute|few seconds|two minutes", shown)
    # A busy machine may take a few seconds to get here.
    assert bool(re.search(r"1 of 40 · 1 min (1[5-9]|[2-5]\d) s so far", shown)) == (stage == "training")
    assert bool(re.search(r"3 min [2-5]\d s so far", shown)) == (stage != "ready")


@pytest.mark.parametrize("stage", ["importing", "serving"])
def test_short_stages_show_that_they_go_on(stage: str) -> None:
    assert "data-unknown" in set_lesson(stage, model_id="m1")


def test_training_before_its_run_is_there() -> None:
    assert "data-unknown" in set_lesson("training", model_id="m1", dataset_id="d1")


@pytest.mark.parametrize(
    ("lesson_ids", "done"),
    [({}, 0), ({"dataset_id": "d1"}, 1), ({"run_id": "r1"}, 2), ({"endpoint_id": "e1"}, 3)],
)
def test_a_failed_lesson_says_where_and_why_and_offers_to_try_again(lesson_ids: dict[str, str], done: int) -> None:
    shown = set_lesson("failed", error=f"No network. {HOSTILE}", **lesson_ids)
    assert shown.count('data-state="done"') == done
    assert shown.count('data-state="failed"') == 1
    assert "No network." in shown
    assert "Try again" in shown
    assert "<img" not in shown


def test_a_finished_lesson_leads_to_the_chat_with_the_question() -> None:
    add_run("r1", "First lesson", RunStatus.SUCCEEDED)
    with db.session() as session:
        session.add(Endpoint(id="e1", project_id="default", name="first-lesson"))
    shown = set_lesson("ready", run_id="r1", endpoint_id="e1")
    assert "ask=What+is+17+plus+6%3F&amp;then=What+is+the+capital+of+France%3F&amp;endpoint=first-lesson" in shown
    assert addition_rows.proof_question() in shown
    assert plain_rows.QUESTION in shown
    assert shown.count('data-state="done"') == 5


def test_a_finished_lesson_makes_room_for_later_work() -> None:
    add_run("r1", "First lesson", RunStatus.SUCCEEDED)
    add_run("r2", "my own", RunStatus.RUNNING, created_at=time.time() + 1, step=1, max_steps=4)
    shown = set_lesson("ready", run_id="r1")
    assert "ts-lesson" not in shown
    for words in ("Training now", "my own", "1 of 4", "Latest runs", "This machine"):
        assert words in shown


def test_what_answers_now_has_a_link_to_its_chat() -> None:
    add_run("r1", HOSTILE, RunStatus.SUCCEEDED)
    with db.session() as session:
        session.add(Endpoint(id="e1", project_id="default", name="support", active_backend_id="b1"))
        session.flush()
        session.add(Backend(id="b1", endpoint_id="e1", kind="transformers", status=EndpointStatus.READY))
    shown = home.home_html(DEFAULT)
    assert "Answering now" in shown
    assert 'href="/chat?endpoint=support"' in shown
    assert "<img" not in shown


def gauges() -> str:
    with db.reading() as session:
        held = machine_facts.held(session)
    return machine_facts.gauges_html(held)


def test_the_machine_says_who_holds_it() -> None:
    assert "free" in gauges()
    add_run("r1", HOSTILE, RunStatus.RUNNING)
    with db.session() as session:
        session.add(Lease(holder_id="r1", holder_kind="run", device="cpu"))
    shown = gauges()
    assert 'href="/runs?run=r1"' in shown
    assert "<img" not in shown


def test_the_page_has_a_live_part_with_actions() -> None:
    with gr.Blocks(analytics_enabled=False) as demo:
        shell.frame(home)
        home.page()
    assert [one for one in demo.config["components"] if one["props"].get("elem_id") == "live-home-home"]


def test_a_look_at_home_takes_few_statements_in_one_transaction() -> None:
    with counting() as counted:
        home.home_html(DEFAULT)
    assert len(counted.statements) <= 5
    add_run("r1", "sums", RunStatus.RUNNING)
    with db.session() as session:
        session.add(Lease(holder_id="r1", holder_kind="run", device="cpu"))
    with counting() as counted:
        home.home_html(DEFAULT)
    assert len(counted.statements) <= 7


def test_a_run_that_holds_several_devices_holds_each() -> None:
    add_run("r1", "sums", RunStatus.RUNNING)
    with db.session() as session:
        session.add(Lease(holder_id="r1", holder_kind="run", device="gpu:0,gpu:1"))
    with db.reading() as session:
        held = machine_facts.held(session)
    assert [run.name for run in held.values() if run] == ["sums", "sums"]
    assert sorted(held) == ["gpu:0", "gpu:1"]
