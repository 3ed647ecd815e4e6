"""A run that has just been stopped, in a real browser: what stands where Stop was, and the checkpoint that it saved."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FloatRect, Page, expect

from engine.runs import runs
from engine.runs.queue import changes
from storage import db
from storage.statuses import RunStatus
from storage.tables import Run, RunFacts
from tests.browser.conftest import Open
from tests.browser.stored_runs import add_run
from tests.serving import finished_checkpoint
from tests.waiting import wait_for

pytestmark = pytest.mark.browser
WIDE, NARROW = 1360, 390
SELDOM = "one => one.setAttribute('seconds', '6000')"


@pytest.fixture(autouse=True)
def paused(at_home: Path) -> Iterator[None]:
    changes.pause()
    yield
    changes.go_on()


def covered(page: Page, stop: FloatRect, button: str) -> bool:
    """Whether the button stands on a point where Stop stood."""
    there = page.locator(button).bounding_box()
    assert there is not None
    beside = there["x"] >= stop["x"] + stop["width"] or there["x"] + there["width"] <= stop["x"]
    below = there["y"] >= stop["y"] + stop["height"] or there["y"] + there["height"] <= stop["y"]
    return not (beside or below)


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("is_list", [True, False], ids=["list", "page"])
def test_delete_never_stands_where_stop_stood(visit: Open, width: int, is_list: bool) -> None:
    run_id = add_run("to be stopped", RunStatus.QUEUED)
    page = visit("/runs" if is_list else f"/runs?run={run_id}", width)
    stop = page.locator(f'[data-act="stop"][data-id="{run_id}"]')
    stop.scroll_into_view_if_needed()
    box = stop.bounding_box()
    assert box is not None
    stop.click()
    delete = f'[data-act="delete"][data-id="{run_id}"]'
    expect(page.locator(delete)).to_be_visible()
    assert not covered(page, box, delete)


def test_a_checkpoint_is_listed_as_soon_as_the_run_says_that_it_saved_one(visit: Open) -> None:
    run_id = add_run("saves", RunStatus.QUEUED)
    page = visit(f"/runs?run={run_id}&tab=files")
    listed = page.locator("#fragment-runs-checkpoints")
    expect(listed).to_contain_text("None yet")
    with page.expect_response("**/fragments/runs/checkpoints*"):  # its next look is in an hour and more
        listed.evaluate(SELDOM)
        page.evaluate("document.dispatchEvent(new CustomEvent('tunesmith-refresh'))")
    finished_checkpoint(runs.look_up(run_id), 8)
    with db.session() as session:
        session.get_one(Run, run_id).facts = RunFacts(checkpoint=8)
    expect(listed).to_contain_text("step 8", timeout=60_000)


# The second press of a double click or of Enter, in the moment in which something else has come where Stop was.
AGAIN = """([way, id]) => document.addEventListener("ts-shown", () => {
    if (window.pressed || !document.querySelector(`[data-act=resume][data-id="${id}"]`)) return;
    const {x, y, width, height} = stopped;
    const one = way === "focus" ? document.activeElement : document.elementFromPoint(x + width / 2, y + height / 2);
    window.pressed = one.textContent;
    one.click();
})"""
HELD_DOWN = """() => document.querySelector("[data-act=resume]").dispatchEvent(
    new KeyboardEvent("keydown", {key: "Enter", repeat: true, bubbles: true, cancelable: true}))"""
REMEMBER = "stop => { window.stopped = stop.getBoundingClientRect(); }"


@pytest.mark.parametrize("way", ["list", "page", "focus"])
def test_a_second_press_on_stop_never_presses_what_comes_in_its_place(visit: Open, way: str) -> None:
    run_id = add_run("pressed twice", RunStatus.QUEUED)
    page = visit("/runs" if way == "list" else f"/runs?run={run_id}")
    stop, resume = (page.locator(f'[data-act="{act}"][data-id="{run_id}"]') for act in ("stop", "resume"))
    stop.scroll_into_view_if_needed()
    stop.evaluate(REMEMBER)
    page.evaluate(AGAIN, [way, run_id])
    if way == "focus":
        page.mouse.move(1, 1)
        stop.press("Enter")
    else:
        stop.click()
    page.wait_for_function("window.pressed")
    assert page.evaluate("window.pressed") == ("Use this recipe again" if way == "page" else "Resume")
    expect(page.locator("[data-resting]")).to_have_count(0)
    assert runs.look_up(run_id).status == RunStatus.STOPPED
    assert "/runs" in page.url
    assert page.evaluate(HELD_DOWN) is False
    resume.press("Enter") if way == "focus" else resume.click()
    wait_for(lambda: runs.look_up(run_id).status == RunStatus.QUEUED)
