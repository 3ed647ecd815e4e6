"""The Code page in a real browser: code is written, run, fixed, compared, kept, taken away; none runs in the page."""

import json
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.code import deleting, snippets
from engine.serve import endpoints
from storage.statuses import EndpointStatus
from storage.tables import DEFAULT_PROJECT
from tests import fake_coder
from tests.browser.conftest import Open
from tests.browser.sliders import slide
from tests.coding import needs_sandbox
from tests.conftest import ROOT
from tests.serving import active, end_all
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.browser,
    needs_sandbox,
]
HOSTILE = "<script>window.pwned=1</script><svg onload='window.pwned=2'> [x](javascript:pwned=3) \u202eabc"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server somewhere else that answers questions about code."""
    folder = tmp_path_factory.mktemp("outside")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    spec = folder / "spec.json"
    spec.write_text(json.dumps({"names": {"coder": ""}, "model_path": "coder", "port": port}))
    server = subprocess.Popen([sys.executable, "-m", "tests.fake_openai", str(spec), str(folder)], cwd=ROOT)
    wait_for(lambda: (folder / "events.jsonl").exists(), 60)
    yield f"http://127.0.0.1:{port}/v1"
    server.kill()
    server.wait()


@pytest.fixture
def coder(at_home: Path, address: str) -> Iterator[None]:
    """It is an endpoint of the studio, and no snippet stays."""
    endpoint = endpoints.create_endpoint("coder", "external", options={"url": address, "model": "coder"})
    wait_for(lambda: active(endpoint).status == EndpointStatus.READY, 30)
    yield
    end_all()
    for snippet in snippets.find(limit=1000):
        deleting.delete(snippet.id)


def ready(page: Page) -> Page:
    """Once its first answer has come, nothing that is typed is written over."""
    expect(page.locator("#code-told [data-number]")).to_have_count(1)
    return page


def told(page: Page, words: str) -> None:
    expect(page.locator(".cd-told")).to_contain_text(words)


def typed(page: Page, text: str) -> None:
    """In the editor, in the place of what is there."""
    page.locator("#code-editor .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_code_is_written_run_fails_is_fixed_compared_kept_and_taken_away(visit: Open, coder: None) -> None:
    page = ready(visit("/code"))
    editor = page.locator("#code-editor .cm-content")
    page.get_by_label("Task").fill("mean of numbers")
    page.get_by_role("button", name="Write", exact=True).click()
    told(page, "Kept as version 1.")
    expect(page).to_have_url(re.compile(r"/code\?snippet=\w+$"))
    expect(editor).to_contain_text("def mean(numbers):")
    expect(page.locator(".cm-gutters")).to_contain_text("6")
    expect(page.get_by_text("Runs in: ")).to_be_visible()
    page.locator("#code-run").click()
    expect(page.locator(".cd-result .ts-notice")).to_have_text("ZeroDivisionError: division by zero")
    page.get_by_role("button", name="Fix it").click()
    told(page, "It works after 1 round.")
    expect(page.locator(".cd-rounds [data-line=new]").first).to_contain_text("+    return 0.0 if not numbers")
    expect(editor).to_contain_text("return 0.0 if not numbers")
    expect(page.locator(".cd-result .ts-code")).to_have_text("2.0\n0.0\n")
    expect(page.locator(".cd-compare input[name=to]")).to_have_value("3")
    page.locator(".cd-compare input[name=from]").fill("1")
    page.locator(".cd-compare button").click()
    expect(page.locator("#live-code-diff .cd-diff")).to_contain_text("-    return sum(numbers)")
    page.locator("#live-code-head .ts-rename summary").click()
    page.get_by_label("New name").fill("The mean")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.locator(".cd-head h2")).to_have_text("The mean")
    page.reload()
    expect(editor).to_contain_text("return 0.0 if not numbers")
    expect(page.locator("#live-code-diff .cd-diff")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download file").click()
    assert download.value.suggested_filename == "main.py"
    assert download.value.path().read_text() == fake_coder.MENDED
    with page.expect_download() as archive:
        page.get_by_role("link", name="Download zip").click()
    assert zipfile.ZipFile(archive.value.path()).namelist() == ["main.py"]
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".cd-head h2")).to_have_text("New snippet")
    assert snippets.find() == []


def test_a_gap_is_filled_at_the_cursor_and_answers_stand_side_by_side(visit: Open, coder: None) -> None:
    page = ready(visit("/code", width=390))
    typed(page, "def add(a, b):\n    '🙂'\n    \n\nadd(1, 2)\n")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    page.get_by_role("button", name="Complete at the cursor").click()
    told(page, "Kept as version 1.")
    expect(page.locator("#code-editor .cm-line").nth(2)).to_have_text("    return a + b")
    page.get_by_label("Task").fill("double")
    page.locator("#code-settings > button").click()
    slide(page.locator("#code-answers"), 2)
    page.get_by_label("Task").press("Control+Enter")
    told(page, "is the best of 2.")
    expect(page.locator(".cd-one")).to_have_count(2)
    expect(page.locator(".cd-one").first).to_have_attribute("data-best", "")
    page.locator(".cd-one").last.get_by_role("button", name="Use it").click()
    told(page, "Version 2 is in the editor.")
    expect(page).to_have_url(re.compile("version=2"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_was_typed_survives_a_reload_and_files_are_brought_in(visit: Open, coder: None, tmp_path: Path) -> None:
    page = ready(visit("/code"))
    typed(page, "print(open('data.csv').read())")
    page.get_by_label("Task").fill("read a file")  # put there at once, as a paste is
    page.reload()
    ready(page)
    expect(page.locator("#code-editor .cm-content")).to_contain_text("print(open")
    expect(page.get_by_label("Task")).to_have_value("read a file")
    (tmp_path / "data.csv").write_text("1,2\n")
    page.locator("#code-tabs summary").click()
    page.set_input_files("#code-tabs input[type=file]", tmp_path / "data.csv")
    expect(page.locator(".cd-tab[data-open]")).to_contain_text("data.csv")
    page.locator('.cd-tab button[data-act="open"]').first.click()
    expect(page.locator("#code-editor .cm-content")).to_contain_text("print(open")
    page.reload()
    ready(page)
    expect(page.locator("#code-editor .cm-content")).to_contain_text("print(open")
    page.locator("#code-editor .cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".cd-result .ts-code")).to_have_text("1,2\n\n")
    page.keyboard.press("Control+s")
    told(page, "Saved as version 1.")
    for store in ("localStorage", "sessionStorage"):
        assert page.evaluate(f"Object.keys({store}).filter(key => key.startsWith('tunesmith-code'))") == []
    other = page.context.new_page()
    other.goto(page.url)
    for window, text in ((ready(other), "print('second')"), (page, "print('first')")):
        typed(window, text)
        window.reload()
        expect(ready(window).locator("#code-editor .cm-content")).to_contain_text(text)  # each window has its own draft
    page.keyboard.press("Control+s")
    told(page, "Saved as version 2.")
    other.keyboard.press("Control+s")
    told(other, "Saved as version 3. Version 2 came from another window meanwhile: what differs is shown below.")
    expect(other.locator("#live-code-diff .cd-diff")).to_contain_text("-print('first')")


def test_an_answer_is_stopped_and_what_had_come_stays(visit: Open, coder: None) -> None:
    page = ready(visit("/code"))
    stop = page.locator("#code-stop")
    expect(stop).to_be_hidden()
    page.get_by_label("Task").fill("slow mean of numbers")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator("#code-editor .cm-content")).to_contain_text("def mean")
    stop.click()
    told(page, "Stopped.")
    expect(stop).to_be_hidden()
    assert snippets.find() == []
    page.reload()
    expect(page.locator("#code-editor .cm-content")).to_contain_text("def mean")


def test_a_studio_that_is_gone_while_a_model_writes_is_said_and_what_had_come_is_there_again(
    visit: Open, coder: None
) -> None:
    page = ready(visit("/code"))
    page.get_by_label("Task").fill("slow mean of numbers, unended")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.locator("#code-editor .cm-content")).to_contain_text(
        "mean([])"
    )  # its last word: no other overwrites what is said
    page.context.set_offline(True)
    told(page, "The studio does not answer any more. What is in the editor stays in this browser.")
    expect(page.locator("#code-stop")).to_be_hidden()
    page.context.set_offline(False)
    page.reload()
    expect(ready(page).locator("#code-editor .cm-content")).to_contain_text("def mean")
    expect(page.get_by_label("Task")).to_have_value("slow mean of numbers, unended")
    assert snippets.find() == []


def test_nothing_of_a_stranger_runs_in_the_page(visit: Open, coder: None) -> None:
    files = {"main.py": f"print('''{HOSTILE}''')\n", "b.py": HOSTILE}
    name = HOSTILE.replace("\u202e", "")
    snippet = snippets.create(name, "python", HOSTILE, files, DEFAULT_PROJECT, answer=HOSTILE, note=HOSTILE)
    snippets.save_version(snippet.id, {"main.py": HOSTILE * 2}, answer=f"```\n{HOSTILE}\n```", action=HOSTILE[:60])
    page = ready(visit(f"/code?snippet={snippet.id}&from=1&to=2&side=1-2&version=1&q=script"))
    expect(page.locator("#live-code-diff .cd-diff")).to_contain_text("+<script>window.pwned")
    expect(page.locator(".cd-one")).to_have_count(2)
    page.locator("#code-run").click()
    expect(page.locator(".cd-result .ts-code")).to_contain_text("<script>window.pwned=1</script><svg")
    expect(page.locator(".cd-result .cd-mark")).to_have_text("U+202E")
    expect(page.locator("#code-editor .cm-specialChar")).to_have_count(1)
    assert page.locator("#code-work svg[onload], #code script, a[href^=javascript]").count() == 0
    assert page.evaluate("window.pwned") is None
