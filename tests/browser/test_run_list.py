"""The list of runs in a real browser: boxes by quick clicks and by Space, bars, columns, undo."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.runs import runs
from tests.browser.conftest import Open
from tests.browser.stored_runs import add_run
from tests.stored_evaluations import add as add_evaluation

pytestmark = pytest.mark.browser
CLICK_ALL = "boxes => boxes.forEach(box => box.click())"  # in one go: no answer of the server comes between


def bar(page: Page, words: str) -> None:
    expect(page.locator(".ts-chosen")).to_contain_text(words)


def test_two_quick_clicks_on_boxes_choose_two_and_space_presses_a_box(visit: Open, at_home: Path) -> None:
    for name in ("one", "two", "three"):
        add_run(name)
    page = visit("/runs")
    boxes = page.locator("tbody .ts-box")  # those of other tests stand below them
    expect(boxes.nth(2)).to_be_visible()
    page.locator("tbody tr:nth-child(-n+2) .ts-box").evaluate_all(CLICK_ALL)
    bar(page, "2 runs chosen")
    boxes.nth(2).focus()
    page.keyboard.press(" ")
    bar(page, "3 runs chosen")
    page.keyboard.press(" ")
    bar(page, "2 runs chosen")


def test_two_quick_clicks_choose_two_evaluations(visit: Open, at_home: Path) -> None:
    for name in ("one", "two"):
        add_evaluation(name)
    page = visit("/evaluate")
    buttons = page.get_by_role("button", name="Choose")
    expect(buttons.nth(1)).to_be_visible()
    page.locator("tbody tr:nth-child(-n+2) a[role=button]").evaluate_all(CLICK_ALL)
    bar(page, "2 evaluations chosen")
    buttons.first.focus()
    page.keyboard.press(" ")
    bar(page, "1 evaluation chosen")


def test_a_column_is_added_a_run_archived_and_that_undone(visit: Open, at_home: Path) -> None:
    run_id = add_run("to be archived", points=20)
    page = visit("/runs")
    page.locator(".rn-columns summary").click()
    page.locator(".rn-columns").get_by_role("checkbox", name="loss (best)", exact=True).click()
    page.locator(".rn-columns a").filter(has_text="Progress").click()
    expect(page.get_by_role("columnheader", name="loss (best)")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Progress")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("checkbox", name="Choose to be archived").click()
    page.locator(".ts-chosen").get_by_role("button", name="Archive").click()
    row = page.locator("tbody tr").filter(has_text="to be archived")
    expect(row).to_have_count(0)
    assert runs.look_up(run_id).archived
    page.locator(".rn-undo").filter(has_text="to be archived").get_by_role("button").click()
    expect(row).to_have_count(1)
    assert not runs.look_up(run_id).archived
