"""The rail: projects, pages, what is running."""

from typing import Any

import gradio as gr
import pytest

from engine.accounts import projects
from pages import shell
from pages.home import page as home
from pages.parts.icons import icon
from pages.runs import page as runs
from storage import db
from storage.statuses import RunStatus
from storage.tables import DEFAULT_PROJECT, Dataset, Model, Run
from tests.pages.clicks import Click, Visitor

HOSTILE = "<img src=x onerror=alert(1)>${alert(2)} C:\\users"
DEFAULT = {"project": DEFAULT_PROJECT}


def act(act_name: str, id: str = "", /, **values: str) -> str:
    click: Any = Click(act_name, id, **values)
    return shell.project_act(click)


def test_the_cookie_names_the_project() -> None:
    project = projects.create_project("Support")
    assert shell.project_of(Visitor(tunesmith_project=project.id)) == project.id


@pytest.mark.parametrize("cookie", ["", "nothere", "../../etc", "A B", "x" * 200])
def test_a_cookie_that_names_none_means_the_default_project(cookie: str) -> None:
    assert shell.project_of(Visitor(tunesmith_project=cookie)) == DEFAULT_PROJECT
    assert shell.project_of(None) == DEFAULT_PROJECT


def test_an_archived_project_is_not_chosen_any_more() -> None:
    project = projects.create_project("Old")
    projects.archive_project(project.id)
    assert shell.project_of(Visitor(tunesmith_project=project.id)) == DEFAULT_PROJECT


def test_the_switcher_lists_projects_as_text() -> None:
    project = projects.create_project(HOSTILE)
    shown = shell.projects_html({"project": project.id})
    assert "<img" not in shown
    assert f'data-project="{project.id}" aria-pressed="true"' in shown
    assert "Archive this project" in shown


def test_the_default_project_has_no_archive_button() -> None:
    assert "Archive this project" not in shell.projects_html(DEFAULT)
    assert "Delete this project" not in shell.projects_html(DEFAULT)


def test_the_switcher_leads_to_where_the_project_is_deleted() -> None:
    project = projects.create_project("Old")
    assert f'href="/system?delete={project.id}#live-system-projects"' in shell.projects_html({"project": project.id})


def test_a_project_is_created_renamed_archived_and_restored() -> None:
    project_id = act("create", name="Support")
    assert act("rename", project_id, name="Support bot") == project_id
    assert projects.look_up(project_id).name == "Support bot"
    assert act("archive", project_id) == DEFAULT_PROJECT
    assert "Restore Support bot" in shell.projects_html(DEFAULT)
    assert act("restore", project_id) == project_id


def test_a_taken_name_is_a_toast_and_leaves_the_choice(toasts: list[str]) -> None:
    act("create", name="Twice")
    assert act("create", name="Twice") == ""
    assert len(toasts) == 1


def add_run(name: str, status: RunStatus, step: int, max_steps: int | None) -> None:
    with db.session() as session:
        if session.get(Model, "m1") is None:
            session.add(Model(id="m1", source="path", source_id="/m", name="tiny"))
            session.add(Dataset(id="d1", project_id=DEFAULT_PROJECT, name="rows"))
            session.flush()
        run = Run(project_id=DEFAULT_PROJECT, name=name, model_id="m1", dataset_id="d1", recipe={}, status=status)
        run.step, run.max_steps = step, max_steps
        session.add(run)


def test_nothing_running_shows_nothing() -> None:
    add_run("done", RunStatus.SUCCEEDED, 3, 3)
    assert shell.activity_html({}) == ""


def test_running_work_shows_on_every_page() -> None:
    add_run(HOSTILE, RunStatus.RUNNING, 34, 100)
    add_run("later", RunStatus.QUEUED, 0, None)
    shown = shell.activity_html({})
    assert "<img" not in shown
    assert "34 %" in shown
    assert "queued" in shown


def test_only_three_runs_crowd_the_rail() -> None:
    for number in range(5):
        add_run(f"run {number}", RunStatus.QUEUED, 0, None)
    assert "and 2 more" in shell.activity_html({})


def test_the_frame_marks_the_page_it_is_on() -> None:
    with gr.Blocks(analytics_enabled=False) as demo:
        shell.frame(runs, (home, runs))
    values = " ".join(str(component["props"].get("value")) for component in demo.config["components"])
    assert 'href="/runs" data-key="r" aria-current="page"' in values
    assert 'href="/" data-key="h">' in values
    assert f"<h1><span>{runs.TITLE}</span>" in values
    assert str(icon(runs.ICON)) in values
