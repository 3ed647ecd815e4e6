"""Data and Models in a real browser: a file becomes chats on the screen, forms add and say what is wrong."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.waiting import wait_for

pytestmark = pytest.mark.browser
UNKNOWN = "alpha,beta,gamma\nWhat is it?,Some words.,Green\nWhy?,Because.,Blue\nWho?,,Red\n"
HOSTILE = "${window.pwned=1}<img src=x onerror='window.pwned=2'>C:\\users"


def test_two_uploaded_files_become_chats_and_can_be_deleted(visit: Open, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": HOSTILE}, {"role": "assistant", "content": "Four."}]
    files = [tmp_path / "sums.jsonl", tmp_path / "more.jsonl"]
    files[0].write_text("".join(json.dumps(row) + "\n" for row in [{"messages": turns}] * 20))
    files[1].write_text("".join(json.dumps(row) + "\n" for row in [*[{"messages": turns}] * 5, {"messages": []}]))
    page = visit("/data")
    page.locator("#data-file input[type=file]").set_input_files(files)
    page.locator("#data-name input, #data-name textarea").first.fill("Sums from the browser")
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url(re.compile("dataset="))
    expect(page.locator("#data-import")).to_be_hidden()
    expect(page.locator(".da-row")).to_have_count(20, timeout=40_000)
    expect(page.locator(".da-turn[data-side=user] p").first).to_have_text(HOSTILE)
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".da-row")).to_have_count(5)
    page.get_by_role("link", name="Rejected").click()
    expect(page.get_by_role("region", name="Rejected rows")).to_contain_text("no turns")
    expect(page.get_by_role("region", name="Rejected rows")).to_contain_text("more.jsonl")
    assert page.evaluate("window.pwned") is None
    page.reload()
    expect(page.get_by_role("region", name="Rejected rows")).to_contain_text("no turns")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#data-import")).to_be_visible()
    datasets = page.locator("#live-data-datasets")
    expect(datasets.locator(".rn-undo")).to_contain_text("Sums from the browser")  # for half a minute
    expect(datasets.get_by_role("row").filter(has_text="Sums from the browser")).to_have_count(0)


def pasting(page: Page) -> bool:
    """Chooses to paste, and says whether the form has heard it: a click before it has come alive is lost."""
    page.locator("#data-way").get_by_text("Paste").click()
    return page.locator("#data-file").is_hidden()


def test_pasted_rows_nobody_knows_are_mapped_with_the_rows_beside_the_form(visit: Open) -> None:
    page = visit("/data")
    wait_for(lambda: pasting(page))
    page.locator("#data-pasted textarea").fill(UNKNOWN)
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url(re.compile("dataset="))
    answers = page.locator(".dt-tried .da-turn[data-side=assistant] p")
    expect(answers).to_have_text(["Some words.", "Because."], timeout=60_000)
    expect(page.locator(".dt-refused")).to_contain_text("empty answer")
    page.locator("select[name='part.completion']").select_option("gamma")
    expect(answers).to_have_text(["Green", "Blue", "Red"])
    page.reload()
    expect(answers).to_have_text(["Green", "Blue", "Red"])
    page.locator("select[name='part.prompt']").select_option("gamma")
    expect(page.locator(".dt-tried")).to_contain_text("is taken twice")
    page.locator("select[name='part.prompt']").select_option("alpha")
    page.get_by_role("button", name="Import with this mapping").click()
    expect(page.locator(".da-rows > .da-row")).to_have_count(3, timeout=60_000)
    expect(page.locator(".da-turn[data-side=assistant] p").last).to_have_text("Red")


def test_a_folder_that_is_not_there_is_refused_in_words(visit: Open) -> None:
    page = visit("/models")
    page.get_by_label("Folder").fill("/no/such/folder")
    page.get_by_label("Folder").press("Enter")
    expect(page.locator(".toast-body")).to_contain_text("/no/such/folder")
    expect(page.get_by_label("Folder")).to_have_value("/no/such/folder")
