"""A sweep made in the Train form, in a real browser: ranges stand at their fields, stay as typed, and start."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.sweeps import sweeps
from engine.sweeps.spec import Choices, Range, SweepSpec
from tests.browser.test_train_page import train as train
from tests.waiting import wait_for

pytestmark = pytest.mark.browser


def sweep(page: Page, title: str) -> None:
    page.get_by_role("button", name=f"Sweep {title}", exact=True).click()
    expect(page.get_by_role("button", name=f"{title}: one value again")).to_be_visible()


def test_a_sweep_is_made_at_the_fields_and_started(train: Page, at_home: Path) -> None:
    train.locator("#train-recipe").get_by_role("button", name="Advanced").click()
    train.locator(".tr-group", has_text="Tuning").first.click()
    expect(train.locator(".tr-sweep-mark")).to_have_count(0)
    train.get_by_role("button", name="Find settings by a sweep").click()
    expect(train.locator("#sweep-title")).to_be_visible()
    expect(train.locator("#train-start")).to_be_hidden()
    expect(train.locator("#train-sweep-outcome")).to_contain_text("and of 40 none are held out")
    sweep(train, "LoRA rank")
    # The held-out rows are a field of the form, and the sweep hears of it.
    train.locator(".tr-group", has_text="Rows").last.click()
    train.locator("#field-eval_fraction input").fill("0.25")
    start = train.locator(".tr-sweep-start")
    expect(start).to_be_enabled()
    low = train.locator("#field-learning_rate [name='learning_rate.low']")
    low.fill("1")
    expect(train.locator("#field-learning_rate .tr-range-problem")).to_contain_text("low is above high")
    expect(start).to_be_disabled()
    low.fill("3e-5")
    expect(train.locator("#field-learning_rate .tr-range-problem")).to_be_hidden()
    train.locator("#field-lora_r select").select_option("choices")
    rank = train.locator("#field-lora_r textarea")
    expect(rank).to_have_value("4\n64")
    rank.fill("4\n8")
    expect(train.locator("#train-sweep-outcome")).to_contain_text("20; one at a time")
    train.reload()
    expect(low).to_have_value("3e-5")
    expect(start).to_be_enabled()
    start.click()
    train.wait_for_url(re.compile(r"/sweeps\?sweep="))
    made = sweeps.look_up(train.url.rpartition("=")[2])
    sweeps.stop(made.id)
    wait_for(lambda: sweeps.look_up(made.id).status in sweeps.ENDED, 30)
    assert SweepSpec.model_validate(made.spec).space == {
        "learning_rate": Range(low=3e-5, high=1e-3, log=True),
        "lora_r": Choices(choices=(4, 8)),
    }
