"""axe-core finds nothing in what opens over a page and in pages beside the window: tour, toast, link, API."""

from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from storage.statuses import RunStatus
from tests.browser.conftest import TOKEN, Open, Studio
from tests.browser.stored_runs import add_run
from tests.browser.test_access import violations

FEW = "for (const one of [...document.querySelectorAll('details')].slice(4)) one.remove()"  # they are all alike


def test_axe_finds_nothing_in_a_tour_a_toast_a_live_link_or_the_calls(
    visit: Open, studio: Studio, at_home: Path
) -> None:
    run = add_run("watched", RunStatus.STOPPED, points=9)
    page = visit("/")
    problems: dict[str, set[str]] = {}

    # The tour, begun from Help: the arrows go on and back, Escape ends it and gives the focus back.
    page.goto(f"{studio.url}/help")
    page.get_by_role("link", name="Show me around").click()
    tour = page.locator(".ts-tour")
    expect(tour.get_by_role("heading")).to_have_text("Begin with the first lesson")
    for stop in ("Models", "Data"):
        page.keyboard.press("ArrowRight")
        expect(tour.get_by_role("heading")).to_have_text(stop)
    page.keyboard.press("ArrowLeft")
    expect(tour.get_by_role("heading")).to_have_text("Models")
    expect(tour.get_by_role("button", name="Next")).to_be_focused()
    problems["tour"] = violations(page)
    other = page.context.new_page()
    other.goto(f"{studio.url}/help")
    assert other.evaluate("document.documentElement.dataset.tour") == "offered"
    page.keyboard.press("Escape")
    expect(tour).to_have_count(0)
    other.wait_for_function("document.documentElement.dataset.tour === 'done'")  # another tab offers it no longer
    other.close()
    expect(page.locator("#content")).to_be_focused()
    assert page.evaluate("document.documentElement.dataset.tour") == "done"

    # A refusal stays at the bottom.
    with httpx.Client(base_url=studio.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
        link = client.post(f"/api/runs/{run}/links", json={}).json()["url"]
        used = client.get(f"/api/runs/{run}").json()["dataset_id"]
        page.goto(f"{studio.url}/data?q={used}")
        page.locator(f"tr[data-id='{used}'] [data-act=delete]").click()
        page.locator("dialog[open] button").last.click()
        expect(page.locator(".toast-messages b")).to_contain_text("uses dataset")
        expect(page.locator(".toast-header[role]")).to_have_count(0)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)  # the button is pale for a moment
        problems["toast"] = violations(page)
    problems |= _beside_the_window(page, studio, link)
    assert {place: lines for place, lines in problems.items() if lines} == {}


def _beside_the_window(page: Page, studio: Studio, link: str) -> dict[str, set[str]]:
    problems = {}
    page.goto(link)
    page.locator("h1").wait_for()
    problems["live link"] = violations(page)
    page.goto(f"{studio.url}/api/docs")
    page.evaluate(FEW)
    page.locator("summary").first.click()
    problems["calls"] = violations(page)
    return problems
