"""The frame and the live fragments, in a real browser on the real server."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from storage import db
from storage.statuses import RunStatus
from storage.tables import Run
from tests.browser.conftest import TOKEN, Open, Studio, go
from tests.browser.stored_runs import add_run

pytestmark = pytest.mark.browser
HOSTILE = "${window.pwned=1}<img src=x onerror='window.pwned=2'>C:\\users"


def row(page: Page, name: str) -> Locator:
    return page.locator(".ts-table tbody tr", has_text=name)


def test_every_page_opens_from_the_rail_and_says_where_you_are(visit: Open) -> None:
    page = visit("/")
    links = page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link")
    for at in range(links.count()):
        title = links.nth(at).locator("span").inner_text()
        links.nth(at).click()
        expect(page.locator(".ts-heading h1")).to_have_text(title)
        expect(links.nth(at)).to_have_attribute("aria-current", "page")
        expect(page).to_have_title(f"{title} · Tunesmith")


def test_the_keyboard_reaches_pages_theme_and_content(visit: Open) -> None:
    page = visit("/")
    page.keyboard.press("Tab")
    expect(page.locator(".ts-skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.keyboard.press("t")
    expect(page.locator("html.dark body.dark")).to_have_count(1)
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_url(re.compile("/runs$"))


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_is_the_systems_until_one_is_chosen_and_is_kept(visit: Open, system: str) -> None:
    page = visit("/", theme=system)
    was_dark = system == "dark"
    expect(page.locator("body.dark")).to_have_count(int(was_dark))
    page.locator("[data-theme-toggle]").click()
    expect(page.locator("body.dark")).to_have_count(int(not was_dark))
    page.reload()
    expect(page.locator("html.dark body.dark")).to_have_count(int(not was_dark))


def test_no_page_is_wider_than_a_phone(visit: Open, studio: Studio, at_home: Path) -> None:
    run_id = add_run("a-name-without-any-space-" + "x" * 80, points=5)
    page = visit("/", width=390)
    paths = page.eval_on_selector_all(".ts-nav a", "links => links.map(one => one.getAttribute('href'))")
    for path in [*paths, f"/runs?run={run_id}"]:
        go(page, studio.url + path)
        expect(page.locator("ts-live .ts-skeleton")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_on_a_phone_the_pages_are_folded_under_the_one_you_are_on(visit: Open) -> None:
    page = visit("/system", width=390)
    fold, pages = page.get_by_role("button", name="System"), page.get_by_role("navigation", name="Pages", exact=True)
    expect(pages).to_be_hidden()
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(pages.get_by_role("group", name="Prove").get_by_role("link", name="Registry")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(pages).to_be_hidden()
    fold.click()
    pages.get_by_role("link", name="Runs").click()
    expect(page.locator(".ts-heading h1")).to_have_text("Runs")
    expect(pages).to_be_hidden()


def test_a_hostile_name_is_only_text(visit: Open, studio: Studio, at_home: Path) -> None:
    run_id = add_run(HOSTILE, points=3)
    page = visit("/runs")
    expect(row(page, "C:\\users")).to_contain_text(HOSTILE)
    go(page, f"{studio.url}/runs?run={run_id}")
    expect(page.locator(".ts-title h2")).to_have_text(HOSTILE)
    go(page, studio.url + "/")
    expect(page.locator(".ts-table, .ts-hero").first).to_be_visible()
    assert page.evaluate("window.pwned") is None


def test_a_run_is_followed_stopped_and_deleted(visit: Open, at_home: Path) -> None:
    name = f"live {time.time()}"
    run_id = add_run(name, RunStatus.QUEUED)
    page = visit("/runs")
    expect(row(page, name).locator(".ts-badge")).to_have_text("running", timeout=30_000)
    row(page, name).get_by_role("link", name=name).click()
    expect(page).to_have_url(re.compile(f"run={run_id}$"))
    chart = page.locator("ts-chart").first
    expect(chart).to_have_attribute("data-points", re.compile(r"^\d{2,}$"))
    page.reload()
    expect(page.locator(".ts-title h2")).to_have_text(name)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".ts-title .ts-badge")).to_have_text("stopped", timeout=30_000)
    page.get_by_role("link", name="Log", exact=True).click()
    expect(page.locator(".ts-history")).to_contain_text("running → stopping")
    delete = page.get_by_role("button", name="Delete", exact=True)
    delete.click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator(".ts-title h2")).to_be_visible()
    delete.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", name="This run no longer exists")).to_be_visible()


def test_what_one_tab_changes_the_other_shows(visit: Open, at_home: Path) -> None:
    run_id = add_run("before", points=3)
    run_page, list_page = visit(f"/runs?run={run_id}"), visit("/runs")
    expect(row(list_page, "before")).to_have_count(1)
    run_page.locator(".ts-rename summary").click()
    run_page.get_by_label("New name").fill("after the rename")
    run_page.get_by_role("button", name="Rename", exact=True).click()
    expect(run_page.locator(".ts-title h2")).to_have_text("after the rename")
    expect(row(list_page, "after the rename")).to_have_count(1)


def test_refreshing_keeps_the_focus_and_moves_nothing(visit: Open, at_home: Path) -> None:
    run_id = add_run("steady", points=3)
    page = visit("/runs?q=steady")  # without runs of other tests above it, which may still change
    expect(page.locator("ts-live .ts-skeleton")).to_have_count(0)
    button = page.locator(f'button[data-act="serve"][data-id="{run_id}"]')
    button.focus()
    before = button.bounding_box()
    with db.session() as session:
        changed = session.get(Run, run_id)
        assert changed
        changed.loss = 0.5
    expect(row(page, "steady")).to_contain_text("0.500")
    expect(button).to_be_focused()
    assert button.bounding_box() == before


def test_a_lost_connection_is_said_and_forgotten(visit: Open) -> None:
    page = visit("/runs")
    expect(page.locator("ts-live .ts-skeleton")).to_have_count(0)
    line = page.get_by_text("Connection lost. Retrying.")
    page.context.set_offline(True)
    expect(line).to_be_visible()
    page.context.set_offline(False)
    expect(line).to_be_hidden()


def test_who_is_logged_out_is_told_once_and_what_was_shown_stays(browser: Browser, studio: Studio) -> None:
    context = browser.new_context()  # not `visit`: its console says 401
    context.request.get(f"{studio.url}/?token={TOKEN}", max_redirects=0)
    page = go(context.new_page(), f"{studio.url}/runs?q=some")
    expect(page.locator("ts-live .ts-skeleton")).to_have_count(0)
    context.clear_cookies()
    page.evaluate("tunesmith.refresh()")
    way_back = page.get_by_role("link", name="Log in")
    expect(way_back).to_have_attribute("href", "/login?next=%2Fruns%3Fq%3Dsome")
    expect(page.get_by_text("credential")).to_have_count(0)
    context.request.get(f"{studio.url}/?token={TOKEN}", max_redirects=0)  # as logging in in another tab does
    page.evaluate("tunesmith.refresh()")
    expect(way_back).to_be_hidden()
    context.close()


def test_a_project_is_made_chosen_and_put_away_in_the_rail(visit: Open) -> None:
    name = f"Support {time.time():.0f}"
    page = visit("/runs")
    switch = page.locator(".ts-switch summary")
    switch.click()
    page.get_by_label("New project").fill(name)
    page.get_by_role("button", name="Create", exact=True).click()
    expect(switch).to_contain_text(name)
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    switch.click()
    page.get_by_role("button", name="Archive this project").click()
    page.get_by_role("dialog").get_by_role("button", name="Archive this project", exact=True).click()
    expect(switch).to_contain_text("Default")
