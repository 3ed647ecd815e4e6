"""The Models page in a real browser: a suggestion fills the field, and names are suggested while one types."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open

pytestmark = pytest.mark.browser


def test_a_name_of_the_list_or_of_the_options_is_written_into_the_field(visit: Open) -> None:
    page = visit("/models")
    field = page.get_by_role("combobox", name="Model id, or a part of its name")
    suggested = page.locator("#suggested")
    if suggested.get_attribute("open") is None:  # other tests have added models
        suggested.locator("summary").click()
    suggested.get_by_role("button", name="Qwen/Qwen3-0.6B").click()
    expect(field).to_have_value("Qwen/Qwen3-0.6B")
    expect(field).to_be_focused()
    field.fill("smollm2")
    options = page.locator("#add-hub-names [role=option]")
    expect(options.first).to_contain_text("HuggingFaceTB/SmolLM2-135M-Instruct")
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "add-hub-name-1")
    page.keyboard.press("Enter")
    expect(field).to_have_value("HuggingFaceTB/SmolLM2-360M-Instruct")
    expect(page.locator("#add-hub-names")).to_be_hidden()
    assert "hub=" not in page.url  # nobody was asked about it yet
    field.fill("qwen")
    expect(options.first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#add-hub-names")).to_be_hidden()
