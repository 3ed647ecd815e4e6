"""Help in a real browser: the way to it, links and places inside it, the search, shortcuts, titles, lost addresses."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage.statuses import RunStatus
from tests.browser.conftest import Open, Studio, go
from tests.browser.stored_runs import add_run

pytestmark = pytest.mark.browser
TOP = "document.querySelector('{}').getBoundingClientRect().top"


def test_the_question_mark_opens_the_guide_and_links_and_places_work_in_it(visit: Open) -> None:
    page = visit("/train")
    page.get_by_role("link", name="Help on Train").click()
    text = page.locator(".hp-text")
    expect(text.locator("h2").first).to_have_text("Train")
    expect(page).to_have_title("Train · Tunesmith")
    text.get_by_role("link", name="Methods", exact=True).first.click()
    expect(text.locator("h2").first).to_have_text("Methods")
    page.go_back()
    expect(text.locator("h2").first).to_have_text("Train")


def test_a_link_to_a_place_shows_that_place(visit: Open) -> None:
    page = visit("/help?page=healing#out-of-memory")
    expect(page.locator("#out-of-memory")).to_be_in_viewport()
    assert 0 <= page.evaluate(TOP.format("#out-of-memory")) < 100
    page.locator(".hp-side").get_by_role("link", name="Home").click()
    expect(page.locator(".hp-text h2").first).to_be_in_viewport()


def test_the_search_leads_to_the_place(visit: Open) -> None:
    page = visit("/help")
    page.get_by_label("Search the documents").fill("out of memory")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?q=out\+of\+memory$"))
    page.locator(".hp-hits").get_by_role("link", name="Out of memory").click()
    expect(page.locator("#out-of-memory")).to_be_in_viewport()
    expect(page.locator("#help-words")).to_be_visible()


def test_a_tab_of_a_run_has_its_own_guide_and_the_title_says_the_run(visit: Open, at_home: Path) -> None:
    run_id = add_run("first <lesson>", RunStatus.FAILED, points=3)
    page = visit(f"/runs?run={run_id}&tab=machine")
    expect(page).to_have_title("failed · first <lesson> · Tunesmith")
    expect(page.locator(".ts-heading h1")).to_have_text("Runs first <lesson>")
    expect(page.locator(".ts-help")).to_have_attribute("href", re.compile("page=machine$"))
    page.get_by_role("link", name="All runs").click()
    expect(page).to_have_title("Runs · Tunesmith")
    expect(page.locator(".ts-heading h1")).to_have_text("Runs")
    expect(page.locator(".ts-help")).to_have_attribute("href", re.compile("page=runs$"))


def test_question_mark_opens_the_shortcuts_but_not_while_one_types(visit: Open) -> None:
    page = visit("/help")
    sheet = page.get_by_role("dialog", name="Shortcuts")
    page.get_by_label("Search the documents").press("?")
    expect(sheet).to_be_hidden()
    page.locator("#content").focus()
    page.keyboard.press("?")
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name="Shortcuts").click()
    expect(sheet.get_by_text("Light or dark")).to_be_visible()


def test_a_lost_address_has_the_frame_and_the_way_on(visit: Open, studio: Studio) -> None:
    page = visit("/")
    # Chromium writes a line for every 404 in its console; the page is opened where nobody counts those.
    other = page.context.browser
    assert other
    lost = other.new_context(storage_state=page.context.storage_state(), viewport={"width": 390, "height": 844})
    try:
        missing: Page = lost.new_page()
        answer = missing.goto(f"{studio.url}/rnus")
        assert answer
        assert answer.status == 404
        assert missing.evaluate("document.documentElement.scrollWidth") <= 390
        missing.get_by_role("link", name="Runs", exact=True).last.click()
        expect(missing.locator(".ts-heading h1")).to_have_text("Runs")
    finally:
        lost.close()
    go(page, studio.url + "/help")


def test_the_finder_leads_by_keyboard_to_a_page_a_run_and_the_guide(visit: Open, at_home: Path) -> None:
    add_run("jokes about cats", RunStatus.STOPPED, points=2)
    page = visit("/data")
    field, chosen = page.locator("#finder input"), page.locator('#finder-list [aria-selected="true"]')

    def find(text: str, first: str) -> None:
        page.keyboard.press("Control+k")
        expect(field).to_be_focused()
        page.keyboard.insert_text(text)
        expect(chosen).to_have_text(first)

    find("cats jok", "jokes about catsrun, stopped")
    page.keyboard.press("Enter")
    expect(page).to_have_title("stopped · jokes about cats · Tunesmith")
    find("eval", "Evaluatepage")
    page.keyboard.press("Enter")
    expect(page.locator(".ts-heading h1 > span")).to_have_text("Evaluate")
    find("memory", "memorysearch the guide")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Escape")
    expect(page.locator("#finder")).to_be_hidden()
