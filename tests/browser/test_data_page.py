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


def test_an_upload_says_how_far_it_is_ends_in_words_and_is_previewed(visit: Open, tmp_path: Path) -> None:
    files = [tmp_path / "fragen.csv", tmp_path / "more.csv"]
    for file in files:
        file.write_text("Frage;Antwort\n" + "Was ist das?;Ein Satz.\n" * 40_000)
    size = sum(file.stat().st_size for file in files)
    told = [{"msg": "update", "orig_name": "fragen.csv", "chunk_size": size // 8 + 1} for _ in range(2)]
    page = visit("/data")
    page.route(
        "**/gradio_api/upload_progress?**",
        lambda route: route.fulfill(
            content_type="text/event-stream", body="".join(f"data: {json.dumps(event)}\n\n" for event in told)
        ),
    )
    page.route("**/gradio_api/upload?**", lambda _route: None)  # the files stay on their way
    field, bar = page.locator("#data-file input[type=file]"), page.locator("ts-upload")
    field.set_input_files(files)
    expect(bar).to_contain_text("Uploading 2 files")
    expect(bar).to_contain_text(f" of {size / 1e6:.1f} MB")
    expect(bar.get_by_role("progressbar", name="Uploading 2 files")).to_have_attribute("aria-valuenow", "25")
    bar.get_by_role("button", name="Cancel").click()
    expect(bar).to_contain_text("The upload of 2 files was canceled.")

    page.unroute("**/gradio_api/upload?**")
    page.route("**/gradio_api/upload?**", lambda route: route.abort("internetdisconnected"))
    field.set_input_files(files[:1])
    expect(bar).to_contain_text("The upload of fragen.csv was cut off")
    sheet = tmp_path / "sheet.xlsx"
    sheet.write_bytes(b"PK")
    field.set_input_files(sheet)
    expect(bar).to_contain_text("sheet.xlsx cannot be read.")
    expect(bar.get_by_role("status")).to_contain_text("Export the sheet as CSV")

    page.unroute_all()
    field.set_input_files(files)
    preview = page.get_by_role("region", name="Preview")
    expect(preview).to_contain_text("CSV separated by semicolons")
    expect(preview).to_contain_text("prompt from Frage, answer from Antwort")
    expect(bar).to_be_hidden()
    page.reload()
    expect(preview.locator(".da-turn[data-side=assistant] p").first).to_have_text("Ein Satz.")
    preview.get_by_role("button", name="Looks right").click()
    page.wait_for_url(re.compile("dataset="))
    expect(page.locator(".da-one")).to_contain_text("80,000")
