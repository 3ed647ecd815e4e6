"""The Serve page in a real browser: an endpoint is tried, called by other programs, and changed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.accounts import keys
from engine.serve import endpoints
from storage.statuses import EndpointStatus
from tests.browser.conftest import Open
from tests.hostile_server import EVENTS, OK, hostile, text
from tests.serving import active, end_all, finished_run, ready_model
from tests.waiting import wait_for

pytestmark = pytest.mark.browser
PIECE = {"choices": [{"index": 0, "delta": {"content": "torn "}, "finish_reason": None}]}


@pytest.fixture
def jokes(at_home: Path) -> Iterator[str]:
    """An endpoint that answers; gives its id."""
    endpoint = endpoints.serve_run(finished_run(ready_model(), name="jokes").id)
    wait_for(lambda: active(endpoint).status == EndpointStatus.READY, 30)
    yield endpoint.id
    end_all()


def opened(page: Page, fold: str) -> Page:
    page.locator(f'.ts-endpoint details[data-key="{fold}"] > summary').first.click()
    return page


@pytest.mark.parametrize(
    ("name", "said", "call"),
    [("embeds", "2 numbers: 0.6000, -0.8000", "/v1/embeddings"), ("scores", "Score 0.7500", "/v1/score")],
)
def test_a_server_of_numbers_is_tried_by_its_own_call_and_offers_no_chat(
    visit: Open, at_home: Path, name: str, said: str, call: str
) -> None:
    endpoint = endpoints.create_endpoint(name, model_id=ready_model(name=name).id)
    wait_for(lambda: active(endpoint).status == EndpointStatus.READY, 30)
    try:
        page = opened(visit("/serve", width=390), "try")
        expect(page.locator(".ts-endpoint").first).to_contain_text(call)
        expect(page.get_by_role("link", name="Chat", exact=True).locator("visible=true")).to_have_count(0)
        second = page.get_by_label("Answer to score")
        expect(second).to_be_visible(visible=name == "scores")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("form[data-try] output")).to_have_text(said)
        expect(page.locator("[data-took]")).to_contain_text("After")
        page.locator("form[data-try] select[name=route]").select_option(label="Chat")
        expect(second).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    finally:
        end_all()


def test_a_prompt_is_answered_on_the_card_and_code_gets_its_address_name_and_key(visit: Open, jokes: str) -> None:
    page = opened(visit("/serve", width=390), "try")  # and stays while the card refreshes
    page.get_by_label("Prompt", exact=True).fill("a slow joke please")
    page.locator("form[data-try] select[name=model]").select_option(label="jokes:base")
    page.get_by_role("button", name="Ask").click()
    answer = page.locator("form[data-try] output")
    expect(answer).to_have_text("base says  a slow joke please ")
    expect(page.locator("[data-took]")).to_contain_text("First words after")
    page.evaluate("tunesmith.refresh()")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("a slow joke please")
    expect(answer).to_contain_text("base says")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    opened(page, "clients")
    code = page.locator(".sv-client:visible pre")
    origin = page.evaluate("location.origin")
    expect(code).to_contain_text(f"{origin}/v1/chat/completions")
    page.locator("form[data-fold] select").select_option(label="jokes:base")
    expect(code).to_contain_text('"model": "jokes:base"')
    page.locator(".sv-strip label", has_text="Python: openai").click()
    page.get_by_role("button", name="Make a key and put it in").click()
    expect(page.get_by_text("it is not shown again")).to_be_visible()
    secret = code.inner_text().split('api_key="')[1].split('"')[0]
    assert keys.verify(secret) is not None
    assert 'model="jokes:base"' in code.inner_text()
    page.reload()
    opened(page, "clients")
    expect(page.locator(".sv-client:visible pre")).to_contain_text("sk-tunesmith-...")


def test_an_outside_server_is_looked_at_chosen_from_and_its_torn_answer_told(visit: Open, at_home: Path) -> None:
    scripts = {
        "/v1/models": text(OK + b'\r\n{"data": [{"id": "big", "owned_by": "vllm", "max_model_len": 4096}]}'),
        "/version": text(OK + b'\r\n{"version": "0.32.0"}'),
        "/v1/chat/completions": text(EVENTS + b"data: " + json.dumps(PIECE).encode() + b"\n\n"),
    }
    with hostile(scripts) as url:
        page = visit("/serve")
        page.locator("#new-endpoint > button").click()
        page.locator("#endpoint-kind label", has_text="somewhere else").click()
        page.get_by_label("Address").fill(url.removesuffix("/v1"))
        name = page.locator("#endpoint-name").locator("input, textarea")
        name.fill("Not A Name")
        page.get_by_role("button", name="Look").click()
        expect(page.locator("#outside-looked")).to_contain_text("vLLM 0.32.0, 1 model")
        expect(page.get_by_label("Address")).to_have_value(url)
        page.locator("#endpoint-create").click()
        expect(page.locator("#endpoint-name")).to_contain_text("cannot be the name of the endpoint")
        expect(page.get_by_label("Address")).to_have_value(url)
        name.fill("far")
        page.locator("#endpoint-create").click()
        expect(page.locator(".ts-endpoint .ts-badge")).to_have_text("ready", timeout=20_000)
        opened(page, "try")
        page.get_by_role("button", name="Ask").click()
        expect(page.locator("form[data-try] output")).to_have_attribute("data-tone", "bad")
        expect(page.locator("form[data-try] output")).to_contain_text("torn")
    end_all()
