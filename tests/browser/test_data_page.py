"""Data and Models in a real browser: a file becomes chats on the screen, forms add and say what is wrong."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open

pytestmark = pytest.mark.browser
HOSTILE = "${window.pwned=1}<img src=x onerror='window.pwned=2'>C:\\users"


def test_an_uploaded_file_becomes_chats_and_can_be_deleted(visit: Open, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": HOSTILE}, {"role": "assistant", "content": "Four."}]
    file = tmp_path / "sums.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in [*[{"messages": turns}] * 25, {"messages": []}]))
    page = visit("/data")
    page.locator("#data-file input[type=file]").set_input_files(file)
    page.locator("#data-name input, #data-name textarea").first.fill("Sums from the browser")
    page.get_by_role("button", name="Import").click()
    page.wait_for_url(re.compile("dataset="))
    expect(page.locator("#data-import")).to_be_hidden()
    expect(page.locator(".da-row")).to_have_count(20, timeout=40_000)
    expect(page.locator(".da-turn[data-side=user] p").first).to_have_text(HOSTILE)
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".da-row")).to_have_count(5)
    page.get_by_role("link", name="Rejected").click()
    expect(page.get_by_role("region", name="Rejected rows")).to_contain_text("no turns")
    assert page.evaluate("window.pwned") is None
    page.reload()
    expect(page.get_by_role("region", name="Rejected rows")).to_contain_text("no turns")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#data-import")).to_be_visible()
    expect(page.locator("#live-data-datasets")).not_to_contain_text("Sums from the browser")


def test_a_folder_that_is_not_there_is_refused_in_words(visit: Open) -> None:
    page = visit("/models")
    page.get_by_label("Folder").fill("/no/such/folder")
    page.get_by_label("Folder").press("Enter")
    expect(page.locator(".toast-body")).to_contain_text("/no/such/folder")
    expect(page.get_by_label("Folder")).to_have_value("/no/such/folder")
