"""The queue in a real browser: reordered by dragging and by keys, paused, set, and seen on a phone."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.runs.queue import changes
from storage import db
from storage.queued import order
from storage.statuses import RunStatus
from storage.tables import Dataset, Run
from tests.browser.conftest import Open
from tests.serving import ready_model

pytestmark = pytest.mark.browser


@pytest.fixture
def paused(at_home: Path) -> None:
    """Four runs that wait in a paused queue."""
    changes.pause()
    model = ready_model()
    with db.session() as session:
        session.add(Dataset(id="queued", project_id="default", name="rows"))
        for name in ("first", "second", "third", "fourth"):
            session.add(
                Run(id=f"q-{name}", project_id="default", name=name, model_id=model.id, dataset_id="queued", recipe={})
            )


def line() -> list[str]:
    with db.reading() as session:
        return [run.name for run in order.waiting(session, 100)]


def shown(page: Page, *names: str) -> None:
    expect(page.locator("[data-queue] tbody tr [data-label=Run]")).to_have_text(list(names))


@pytest.mark.usefixtures("paused")
def test_the_queue_is_reordered_by_dragging_and_by_keys_and_goes_on(visit: Open) -> None:
    page = visit("/runs?queue=1")
    shown(page, "first", "second", "third", "fourth")
    expect(page.get_by_text("The queue is paused.").first).to_be_visible()
    up = page.get_by_role("button", name="Move third up")
    up.focus()
    page.keyboard.press("Enter")
    shown(page, "first", "third", "second", "fourth")
    expect(up).to_be_focused()
    page.keyboard.press("Enter")
    shown(page, "third", "first", "second", "fourth")
    expect(page.get_by_role("button", name="Move third down")).to_be_focused()
    page.locator("tr[data-id=q-fourth] .rq-handle").drag_to(
        page.locator("tr[data-id=q-third]"), target_position={"x": 60, "y": 4}
    )
    shown(page, "fourth", "third", "first", "second")
    assert line() == ["fourth", "third", "first", "second"]
    page.get_by_label("Priority of second").select_option("High")
    shown(page, "second", "fourth", "third", "first")
    page.locator("tr[data-id=q-first] .rq-after summary").click()
    form = page.locator("tr[data-id=q-first] .rq-after form")
    form.get_by_label("After the run").select_option("second")
    form.get_by_role("button", name="Save").click()
    expect(page.locator("tr[data-id=q-first]")).to_contain_text("The end of `second`, if that succeeds.")
    with db.session() as session:  # there is no dataset to train on: they must not start
        for name in ("first", "second", "third", "fourth"):
            session.get_one(Run, f"q-{name}").status = RunStatus.STOPPED
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Pause the queue")).to_be_visible()
    assert changes.settings().paused_at is None
