"""The whole way without a mouse: own rows brought in, a model chosen, a training started, watched, served, asked."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from storage import db
from storage import endpoints as stored_endpoints
from storage.statuses import EndpointStatus, ModelStatus
from storage.tables import Model, Run
from tests.browser.conftest import Open
from tests.engine.weights import model_folders
from tests.serving import end_all, finished_run, ready_model
from tests.waiting import wait_for

pytestmark = pytest.mark.browser
ROWS = "prompt,completion\n" + "".join(f"What is {n} plus {n}?,{n} plus {n} equals {2 * n}.\n" for n in range(20))
MOST_TABS = 160
IS_IN = """selector => {
    const at = document.activeElement;
    return Boolean(at?.closest(selector)) && at.checkVisibility({ visibilityProperty: true });
}"""
IS_SEEN = """() => {
    const box = document.activeElement.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
}"""


@pytest.fixture
def jokes(at_home: Path) -> Iterator[Run]:
    """A finished run that can be served, and a model that can be trained. Ends what it served."""
    path = str(model_folders.make(at_home / "models" / "keyboardmodel" / "files"))
    facts: dict[str, Any] = {"parameters": model_folders.PARAMETERS, "has_chat_template": True, "trainable": True}
    state: dict[str, Any] = {"path": path, "status": ModelStatus.READY, **facts}
    with db.session() as session:
        session.add(Model(id="keyboardmodel", source="path", source_id=path, name="Keys and tabs", **state))
    yield finished_run(ready_model(), name="jokes")
    end_all()


# Arrow keys move within it: its radios have one name.
ONE_CHOICE = "new Set([...document.querySelectorAll('#data-way input')].map(input => input.name)).size === 1"


def reach(page: Page, selector: str) -> None:
    """Presses Tab until the focus is in what the selector names, and says that it can be seen there."""
    expect(page.locator(selector).first).to_be_visible()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(IS_IN, selector):
            assert page.evaluate(IS_SEEN), f"{selector} has the focus out of sight"
            return
    raise AssertionError(f"{selector} is not among the first {MOST_TABS} stops")


def go_by_keys(page: Page, key: str, title: str) -> None:
    page.keyboard.press("g")
    page.keyboard.press(key)
    expect(page.locator(".ts-heading h1 > span")).to_have_text(title)
    expect(page.locator("ts-live .ts-skeleton")).to_have_count(0)


def test_the_whole_journey_goes_by_keyboard_alone(visit: Open, jokes: Run) -> None:
    page = visit("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to the content
    import_rows(page)
    train_on_them(page)
    watch_and_stop(page)
    serve_and_ask(page, jokes)


def import_rows(page: Page) -> None:
    go_by_keys(page, "d", "Data")
    reach(page, "#data-way input")
    page.wait_for_function(ONE_CHOICE)
    page.keyboard.press("ArrowRight")
    reach(page, "#data-pasted textarea")
    page.keyboard.insert_text(ROWS)
    reach(page, "#data-go")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("dataset="))
    expect(page.locator(".da-row")).to_have_count(20, timeout=60_000)


def train_on_them(page: Page) -> None:
    reach(page, 'a[href^="/train?dataset="]')
    page.keyboard.press("Enter")
    expect(page.locator("#train-checks")).to_contain_text("model")
    reach(page, "#field-model_id input")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("Keys and tabs")
    page.keyboard.press("Enter")
    expect(page.locator("#checks-title")).to_have_text(re.compile("^Ready"))
    reach(page, "#train-start")
    page.keyboard.press("Enter")


def watch_and_stop(page: Page) -> None:
    page.wait_for_url(re.compile("run="))
    expect(page).to_have_title(re.compile(r"^\d+ % · .+ · Tunesmith$"), timeout=60_000)
    expect(page.locator("ts-chart").first).to_have_attribute("data-points", re.compile(r"^\d{2,}$"))
    expect(page.locator(".ts-heading h1 > small")).to_have_text(page.locator(".ts-title h2").inner_text())
    reach(page, 'button[data-act="stop"]')
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("^stopped · "), timeout=60_000)


def is_ready(name: str) -> bool:
    with db.reading() as session:
        routes = stored_endpoints.routes(session)
        return any(endpoint.name == name and backend.status == EndpointStatus.READY for endpoint, backend in routes)


def serve_and_ask(page: Page, run: Run) -> None:
    go_by_keys(page, "r", "Runs")
    reach(page, f'button[data-act="serve"][data-id="{run.id}"]')
    page.keyboard.press("Enter")
    wait_for(lambda: is_ready("jokes"), 60)
    go_by_keys(page, "c", "Chat")
    expect(page.locator("#chat-model input")).to_have_value("jokes")
    expect(page.locator("#chat-text textarea")).to_be_focused()
    page.keyboard.type("Tell me one.")
    page.keyboard.press("Enter")
    expect(page.locator("#chat-tuned .bot").last).to_contain_text(run.id)
    reach(page, ".ts-help")
    page.keyboard.press("Enter")
    expect(page.locator(".hp-text h2").first).to_have_text("Chat")
