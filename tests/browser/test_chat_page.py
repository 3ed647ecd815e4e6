"""The Chat page in a browser: Korean as an input method types it, settings of each model, a link that is shared."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from engine.chat import chat
from engine.serve import endpoints
from storage.statuses import EndpointStatus
from storage.tables import DEFAULT_PROJECT
from tests.browser.conftest import Open
from tests.serving import active, end_all, finished_run, ready_model
from tests.waiting import wait_for

pytestmark = pytest.mark.browser
# As a page hears the Enter that ends a syllable: Chromium and Firefox say isComposing, Safari the key code 229.
COMPOSED_ENTER = """(field, how) => {
    for (const type of ["keydown", "keypress"])
        field.dispatchEvent(new KeyboardEvent(type, { key: "Enter", bubbles: true, cancelable: true, ...how }));
}"""
ENDS: list[dict[str, Any]] = [{"isComposing": True}, {"keyCode": 229}]


@pytest.fixture
def talk(visit: Open, at_home: Path) -> Iterator[Page]:
    """The page of a chat with a model of a Korean name, and its base beside it."""
    endpoint = endpoints.serve_run(finished_run(ready_model(), name="한국어 요약기").id)
    wait_for(lambda: active(endpoint).status == EndpointStatus.READY)
    page = visit(f"/chat?endpoint={endpoint.name}&chat={chat.new_chat(DEFAULT_PROJECT).id}")
    expect(page.locator("#chat-beside input")).to_have_value("Its base")
    expect(page.locator("#chat-model input")).to_have_value(endpoint.name)
    yield page
    end_all()


def test_the_enter_that_ends_a_syllable_sends_nothing_and_the_next_one_does(talk: Page) -> None:
    message = talk.locator("#chat-text textarea")
    message.click()
    typing = talk.context.new_cdp_session(talk)
    for part in ("ㅅ", "수", "숟", "수도"):
        typing.send("Input.imeSetComposition", {"text": part, "selectionStart": len(part), "selectionEnd": len(part)})
    for end in ENDS:
        message.evaluate(COMPOSED_ENTER, end)
    typing.send("Input.insertText", {"text": "수도는?"})
    talk.wait_for_timeout(500)  # until what was sent by mistake would be seen
    expect(message).to_have_value("수도는?")
    expect(talk.locator("#chat-tuned .message")).to_have_count(0)
    message.press("Enter")
    expect(talk.locator("#chat-tuned .bot", has_text="says 수도는?").first).to_be_visible()


def test_a_shortcut_is_its_key_whatever_the_keyboard_writes(visit: Open) -> None:
    page = visit("/help")
    for key, code in (("ㅎ", "KeyG"), ("ㅇ", "KeyD")):
        page.evaluate(
            "([key, code]) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, code, bubbles: true }))",
            [key, code],
        )
    page.wait_for_url("**/data")


def test_each_model_has_settings_of_its_own_and_a_reload_keeps_them(talk: Page, browser: Browser) -> None:
    talk.locator("#chat-settings button").first.click()
    talk.locator("#chat-system textarea").fill("Be kind.")
    talk.get_by_label("Own settings for", exact=False).nth(1).check()
    own = talk.locator("#chat-system-base textarea")
    expect(own).to_have_value("Be kind.")  # it begins with what both have
    own.fill("짧게 답하세요.")
    talk.locator("#chat-seed-base input, #chat-seed-base textarea").first.fill("7")
    talk.locator("#chat-text textarea").fill("안녕하세요 <b>")
    talk.locator("#chat-send").click()
    answers = talk.locator(".ch-answer")
    expect(answers).to_have_count(2)
    expect(answers.nth(0)).to_contain_text("Temperature 0, at most 256 tokens")
    expect(answers.nth(1)).to_contain_text("seed 7")
    answers.nth(1).get_by_text("System prompt").click()
    expect(answers.nth(1)).to_contain_text("짧게 답하세요.")
    expect(answers.nth(0)).not_to_contain_text("짧게")
    talk.reload()
    talk.locator("#chat-settings button").first.click()
    expect(talk.locator("#chat-system-base textarea")).to_have_value("짧게 답하세요.")
    expect(talk.locator("#chat-system textarea")).to_have_value("Be kind.")
    expect(talk.locator("#chat-system-tuned textarea")).to_be_hidden()
    share_it(talk, browser)


def share_it(talk: Page, browser: Browser) -> None:
    """The chat's link opens in a browser that knows nothing of the studio, until it is revoked."""
    talk.locator(".ch-files summary", has_text="Share").click()
    talk.get_by_role("button", name="Make link").click()
    url = talk.locator(".lk-made code").inner_text()
    stranger = browser.new_context()
    try:
        page = stranger.new_page()
        page.goto(url)
        expect(page.locator(".lv-asked").last).to_have_text("안녕하세요 <b>")
        expect(page.locator("article")).to_have_count(talk.locator(".ch-answer").count())
        expect(page.get_by_text("Be kind.")).to_have_count(0)
        talk.get_by_role("button", name="Revoke").click()
        expect(talk.get_by_role("button", name="Revoke")).to_have_count(0)
        page.goto(url)
        expect(page).to_have_url(f"{url.partition('/live/')[0]}/login")
    finally:
        stranger.close()
