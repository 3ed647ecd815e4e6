"""Small windows in a real browser: on a phone and at 200 % zoom, what a finger aims at is what it meets."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.chat import chat
from engine.serve import endpoints
from pages.runs import tabs
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import DEFAULT_PROJECT, Message
from tests.browser.conftest import Open, Studio, go
from tests.browser.stored_runs import add_run
from tests.engine.exports import trained_runs
from tests.serving import active, end_all, finished_run, ready_model
from tests.waiting import wait_for

pytestmark = pytest.mark.browser
SIZES = [(390, 844), (680, 400)]  # a phone; a screen of 1360 by 800 at 200 %

AT_ITS_CENTRE = """element => {
    const box = element.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return top === element || element.contains(top);
}"""

# Every control in the page, brought into the middle of the window: what else is met at its centre.
COVERED = """() => {
    const names = [];
    const kinds = ":is(button, a[href], summary, textarea, select, input:not([type=radio]))";
    const controls = document.querySelectorAll(`.gradio-container ${kinds}`);
    for (const control of controls) {
        if (!control.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
        control.scrollIntoView({ block: "center", inline: "center" });
        const box = control.getBoundingClientRect();
        if (box.width < 3 || box.height < 3) continue;
        const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        const label = control.closest("label");
        if (top && !control.contains(top) && !top.contains(control) && !(label && label.contains(top)))
            names.push(`${control.outerHTML.slice(0, 99)} under ${top.outerHTML.slice(0, 99)}`);
    }
    return names;
}"""

# Pairs of controls that lie on each other, though each may be met at its centre. What is fixed passes over the page.
OVERLAPPING = """() => {
    const kinds = ":is(button, a[href], summary, textarea, select, input:not([type=radio], [type=checkbox]))";
    const moves = element => element && element !== document.body
        && (/sticky|fixed/.test(getComputedStyle(element).position) || moves(element.parentElement));
    const shown = [...document.querySelectorAll(`.gradio-container .main ${kinds}`)].filter(
        one => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !moves(one));
    const boxes = shown.map(one => {  // without what is scrolled out of sight in a box of its own
        let { left, right, top, bottom } = one.getBoundingClientRect();
        for (let box = one.parentElement; box !== document.body; box = box.parentElement) {
            if (getComputedStyle(box).overflow === "visible") continue;
            const seen = box.getBoundingClientRect();
            [left, right] = [Math.max(left, seen.left), Math.min(right, seen.right)];
            [top, bottom] = [Math.max(top, seen.top), Math.min(bottom, seen.bottom)];
        }
        return { left, right, top, bottom };
    });
    const pairs = [];
    shown.forEach((one, i) => shown.slice(i + 1).forEach((other, j) => {
        const [a, b] = [boxes[i], boxes[i + 1 + j]];
        const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (width > 2 && height > 2 && !one.contains(other) && !other.contains(one))
            pairs.push(`${one.outerHTML.slice(0, 99)} and ${other.outerHTML.slice(0, 99)}`);
    }));
    return pairs;
}"""

# How much wider than their place the page, its navigation and its tabs are: what is out at the right nobody sees.
TOO_WIDE = """() => {
    const rows = [document.documentElement, ...document.querySelectorAll("nav")];
    return rows.filter(one => one.scrollWidth > one.clientWidth + 1)
        .map(one => `${one.outerHTML.slice(0, 60)}: ${one.scrollWidth} in ${one.clientWidth}`);
}"""


@pytest.fixture
def talk(at_home: Path) -> Iterator[str]:
    """A long chat with a model that answers and its base; gives its id."""
    endpoint = endpoints.serve_run(finished_run(ready_model(), name="jokes").id)
    chat_id = chat.new_chat(DEFAULT_PROJECT).id
    turns = [("user", "Tell me a joke."), ("tuned", "Knock, knock. " * 40), ("base", "1. one\n2. two\n" * 20)]
    with db.session() as session:
        session.add_all([Message(chat_id=chat_id, side=side, content=text) for side, text in turns * 3])
    wait_for(lambda: active(endpoint).status == EndpointStatus.READY, 30)
    yield chat_id
    end_all()


def at_centre(page: Page, selector: str) -> bool:
    """Whether a tap at its centre meets it."""
    return bool(page.locator(selector).evaluate(AT_ITS_CENTRE))


def test_send_is_what_a_finger_on_send_meets_wherever_the_page_is_scrolled(visit: Open, talk: str) -> None:
    page = visit(f"/chat?chat={talk}")
    expect(page.locator("#chat-base")).to_contain_text("two")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for part in (0, 0.25, 0.5, 0.75, 1):
            page.evaluate("part => scrollTo(0, part * document.body.scrollHeight)", part)
            for selector in ("#chat-send", "#chat-stop", "#chat-text textarea"):
                expect(page.locator(selector)).to_be_in_viewport(ratio=1)
                assert at_centre(page, selector), (selector, width, part)


def test_a_narrow_window_shows_one_side_of_a_chat_at_a_time(visit: Open, talk: str) -> None:
    page = visit(f"/chat?chat={talk}")
    tuned, base = page.locator("#chat-tuned"), page.locator("#chat-base")
    expect(base).to_be_visible()
    expect(tuned).to_be_visible()
    expect(page.locator("#chat-side")).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(tuned).to_be_visible()
    expect(base).to_be_hidden()
    page.locator("#chat-side label", has_text="jokes:base").click()
    expect(base).to_be_visible()
    expect(tuned).to_be_hidden()
    page.locator("#chat-beside input").click()
    page.get_by_role("option", name="Nothing").click()
    expect(tuned).to_be_visible()
    expect(page.locator("#chat-side")).to_be_hidden()


def test_nothing_lies_on_a_control_of_any_page(visit: Open, studio: Studio, talk: str, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "a", "completion": "b"}\n' * 3000)
    run_id = add_run("a run", points=30)
    page = visit("/")
    paths = page.eval_on_selector_all(".ts-nav a", "links => links.map(one => one.getAttribute('href'))")
    for path in [*paths, *(f"/runs?run={run_id}&tab={tab}" for tab in tabs.TABS), f"/chat?chat={talk}"]:
        go(page, studio.url + path)
        expect(page.locator("ts-live .ts-skeleton")).to_have_count(0)
        expect(page.locator("[data-testid=status-tracker].translucent")).to_have_count(0)  # it lies on the form
        if path == "/data":
            page.set_input_files("#data-file input[type=file]", rows)
            expect(page.locator("#data-file .download")).to_be_visible()
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate(COVERED) == [], (path, width)
            assert page.evaluate(OVERLAPPING) == [], (path, width)
        assert page.evaluate(TOO_WIDE) == [], path  # of the last size, at 200 % zoom


def test_the_model_of_a_run_is_downloaded_on_a_phone(visit: Open, at_home: Path, tmp_path: Path) -> None:
    run = trained_runs.add_run(tmp_path)
    page = visit(f"/runs?run={run.id}&tab=files", width=390)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download adapter").click()
    assert download.value.suggested_filename == "Jokes-v2-adapter.tar"
    assert page.evaluate(COVERED) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
