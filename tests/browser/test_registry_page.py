"""The Registry page in a real browser: a run is kept, promoted with a reason, rolled back; an endpoint follows."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.registry import aliases, versions
from engine.runtimes import runtimes
from tests.app.api.test_gguf_endpoints import gguf_export
from tests.browser.conftest import Open
from tests.serving import end_all, finished_run, ready_model

pytestmark = pytest.mark.browser


def keep(page: Page, note: str, name: str = "") -> None:
    form = page.locator("#keep form")
    if name:
        form.get_by_label("Under the name").fill(name)
    form.get_by_label("Note").fill(note)
    form.get_by_role("button", name="Keep as version").click()


def test_a_run_is_kept_promoted_served_and_rolled_back(visit: Open, at_home: Path) -> None:
    model = ready_model()
    first, second = finished_run(model, "Funny <i>puns</i>"), finished_run(model, "Funnier")
    page = visit(f"/runs?run={first.id}")
    page.get_by_role("link", name="Keep as version").click()
    expect(page.locator("#keep [name=what]")).to_have_value(f"run:{first.id}")
    keep(page, "the first", name="puns")
    page.locator("#live-registry-registry").get_by_role("link", name="puns", exact=True).click()
    expect(page.get_by_role("heading", name="puns", exact=True)).to_be_visible()
    page.locator("#keep [name=what]").select_option(f"run:{second.id}")
    keep(page, "more of them")
    versions = page.get_by_role("region", name="Versions")
    expect(versions.locator("tbody tr")).to_have_count(2)
    promote(page, "production", "1", "it makes people laugh")
    expect(page.locator(".rg-led")).to_contain_text("leads to version 1")
    page.get_by_text("Serve it").click()
    page.get_by_role("textbox", name="Name of the endpoint").fill("funny")
    page.get_by_role("button", name="Serve", exact=True).click()
    follower = page.locator(".rg-follower")
    expect(follower).to_contain_text("serving", timeout=60_000)
    promote(page, "production", "2", "louder laughs")
    expect(page.locator(".rg-led")).to_contain_text("leads to version 2")
    expect(follower).to_contain_text("version 2", timeout=60_000)
    expect(follower).to_contain_text("serving", timeout=60_000)
    page.get_by_text("Roll back", exact=True).first.click()
    page.locator('form[data-act="rollback"]').get_by_label("Why").fill("too loud")
    page.get_by_role("button", name="Roll back").click()
    expect(page.locator(".rg-led")).to_contain_text("leads to version 1")
    assert [line.why for line in aliases.log("puns")[0] if line.action == "moved"] == [
        "too loud",
        "louder laughs",
        "it makes people laugh",
    ]
    expect(page.locator(".rg-log")).to_contain_text("too loud")
    end_all()
    fits(visit("/registry?model=puns", width=390))


def test_llama_is_installed_by_its_button_and_a_gguf_version_is_served_from_the_form(
    visit: Open, at_home: Path
) -> None:
    export = gguf_export(finished_run(ready_model()))
    versions.add("small", export_id=export.id)
    page = visit("/registry?model=small")
    page.locator("summary").filter(has_text="Serve").first.click()
    expect(page.get_by_text("llama.cpp is not installed")).to_be_visible()
    page.get_by_role("button", name="Install llama.cpp").click()
    expect(page.get_by_text("llama.cpp is being installed.").first).to_be_visible()
    page.goto(page.url.partition("/registry")[0] + "/serve")
    runtime = page.locator('.ts-runtime[data-key="llama"]')
    expect(runtime).to_contain_text("downloading 1 MB of 4 MB")
    (runtimes.root() / "go").touch()
    expect(runtime).to_contain_text("In use")
    page.locator("#new-endpoint").get_by_text("New endpoint").click()
    page.locator("#endpoint-name").get_by_role("textbox").fill("tiny-file")
    page.locator("#endpoint-kind label", has_text="llama.cpp").click()
    page.locator("#endpoint-version input").click()
    page.get_by_role("option", name="small, version 1, q8_0").click()
    page.get_by_role("button", name="Start endpoint").click()
    card = page.locator(".ts-endpoint").filter(has_text="tiny-file")
    expect(card).to_have_attribute("data-status", "ready", timeout=60_000)
    expect(card).to_contain_text("small, version 1, q8_0")
    expect(card).not_to_contain_text(export.id)
    end_all()
    runtimes.uninstall("llama")


def promote(page: Page, alias: str, version: str, why: str) -> None:
    form = page.locator('form[data-act="move"]')
    form.get_by_label("Alias").fill(alias)
    form.get_by_label("To version").select_option(version)
    form.get_by_label("Why").fill(why)
    form.get_by_role("button", name="Move").click()


def fits(page: Page) -> None:
    """Nothing on a phone is wider than the phone."""
    page.locator(".rg-lines").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
