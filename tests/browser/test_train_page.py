"""The Train page in a real browser: form and YAML are one recipe, drafts stay, problems stand at their field."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from storage import db, runs
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model
from tests.browser.conftest import Open
from tests.engine.weights import model_folders

pytestmark = pytest.mark.browser
ADDRESS = "/train?model=trainpagemodel&dataset=trainpagedata"


@pytest.fixture
def train(visit: Open, at_home: Path) -> Page:
    """The page with a model and a dataset that go together."""
    with db.session() as session:
        if session.get(Model, "trainpagemodel") is None:
            path = str(model_folders.make(at_home / "models" / "trainpagemodel" / "files"))
            facts: dict[str, Any] = {
                "parameters": model_folders.PARAMETERS,
                "has_chat_template": True,
                "trainable": True,
            }
            state: dict[str, Any] = {"name": "tiny", "path": path, "status": ModelStatus.READY, **facts}
            session.add(Model(id="trainpagemodel", source="path", source_id=path, **state))
            rows: dict[str, Any] = {
                "kind": "chat",
                "rows": 40,
                "accepted": 40,
                "sha256": "0" * 64,
                "status": DatasetStatus.READY,
            }
            session.add(Dataset(id="trainpagedata", project_id="default", name="sums", **rows))
    page = visit(ADDRESS)
    expect(page.locator("#checks-title")).to_have_text("Ready to start")
    return page


def rate(page: Page) -> str:
    return page.locator("#field-learning_rate input").input_value()


def write_yaml(page: Page, text: str) -> None:
    page.get_by_role("tab", name="YAML").click()
    page.locator("#recipe-yaml .cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def test_form_and_yaml_are_the_same_recipe(train: Page) -> None:
    train.locator("#field-learning_rate input").fill("0.001")
    train.get_by_role("tab", name="YAML").click()
    text = train.locator("#recipe-yaml .cm-content")
    expect(text).to_contain_text("learning_rate: 0.001")
    write_yaml(train, "model_id: trainpagemodel\ndataset_id: trainpagedata\nmax_steps: 12\nlearning_rate: 5e-3\n")
    expect(train.locator("#train-checks")).to_contain_text("12 steps")
    train.get_by_role("tab", name="Form").click()
    expect(train.locator("#field-learning_rate input")).to_have_value("0.005")
    expect(train.locator("#field-max_steps input")).to_have_value("12")
    expect(train.locator("#field-num_train_epochs")).to_be_hidden()


def test_wrong_yaml_is_explained_and_leaves_the_form(train: Page) -> None:
    before = rate(train)
    write_yaml(train, "model_id: m\ndataset_id: d\nlearning_rate: fast\n")
    expect(train.locator("#yaml-problems")).to_contain_text("`learning_rate` is 'fast'")
    train.get_by_role("tab", name="Form").click()
    assert rate(train) == before


def test_a_problem_stands_at_its_field_and_a_click_leads_there(train: Page) -> None:
    field = train.locator("#field-lora_r")
    train.get_by_role("button", name="Advanced").click()
    train.get_by_role("button", name=re.compile("^Tuning")).click()
    field.locator("input").fill("0")
    expect(field).to_have_attribute("data-problem", re.compile("LoRA rank must be"))
    expect(field.locator("input")).to_have_attribute("aria-invalid", "true")
    train.get_by_role("button", name="Advanced").click()
    train.locator("#train-checks").get_by_role("button", name="LoRA rank").click()
    expect(field.locator("input")).to_be_focused()
    field.locator("input").fill("8")
    expect(train.locator("#checks-title")).to_have_text("Ready to start")
    expect(field).not_to_have_attribute("data-problem", re.compile("."))


def test_a_draft_survives_a_reload_until_it_is_thrown_away(train: Page) -> None:
    train.locator("#run-name input, #run-name textarea").first.fill("half done")
    train.locator("#field-learning_rate input").fill("0.003")
    expect(train.locator("#checks-title")).to_be_visible()
    train.reload()
    expect(train.locator("#run-name input, #run-name textarea").first).to_have_value("half done")
    expect(train.locator("#field-learning_rate input")).to_have_value("0.003")
    train.get_by_role("button", name="Start over").click()
    expect(train.locator("#field-learning_rate input")).to_have_value("0.0002")
    assert train.url.endswith(ADDRESS)  # what the link has chosen stays chosen
    train.get_by_role("button", name="Undo start over").click()
    expect(train.locator("#field-learning_rate input")).to_have_value("0.003")
    expect(train.locator("#train-back")).to_have_count(0)


def test_where_values_came_from_is_shown_kept_and_written_with_the_run(train: Page) -> None:
    """Preset, marks, an edit, back again, reload, start, the run's page."""
    best = train.get_by_role("button", name="Best quality", exact=True)
    best.press("Enter")
    expect(best).to_have_attribute("aria-pressed", "true")
    expect(best).to_be_focused()
    rate = train.locator("#field-learning_rate")
    expect(rate.locator(".tr-from")).to_have_text("preset: best quality")
    expect(rate.locator("input")).to_have_value("0.0001")
    rate.locator("input").fill("0.0007")
    expect(rate.locator(".tr-from")).to_have_text("you")
    rate.locator(".tr-from").click()
    expect(rate.locator("input")).to_have_value("0.0001")
    expect(rate.locator(".tr-from")).to_have_text("preset: best quality")
    train.get_by_role("button", name="Advanced").click()
    train.get_by_role("button", name=re.compile("^Learning")).click()
    train.locator("#field-seed input").fill("7")
    expect(train.locator("#field-seed .tr-from")).to_have_text("you")
    expect(train.locator("#advanced > button > span").first).to_have_attribute("data-changed", re.compile(r"\d"))
    train.reload()
    expect(best).to_have_attribute("aria-pressed", "true")
    expect(rate.locator(".tr-from")).to_have_text("preset: best quality")
    train.get_by_role("button", name="Advanced").click()
    train.get_by_role("button", name=re.compile("^Learning")).click()
    expect(train.locator("#field-seed .tr-from")).to_have_text("you")
    train.get_by_role("button", name="Start training").click()
    train.wait_for_url(re.compile(r"/runs\?run=\w+"))
    train.get_by_role("link", name="Recipe and data").click()
    changed = train.get_by_role("region", name="Changed fields")
    for field, origin in (("Learning rate", "preset: best quality"), ("Seed", "you")):
        expect(changed.get_by_role("row").filter(has_text=field)).to_contain_text(origin)
    train.get_by_label("Compare with").select_option("defaults")
    expect(train.get_by_role("region", name="Differences").get_by_role("row").filter(has_text="Seed")).to_contain_text(
        "42"
    )


def test_a_setting_is_found_by_its_name(train: Page) -> None:
    train.get_by_role("button", name="Advanced").click()
    dropout = train.locator("#field-lora_dropout")
    expect(dropout).to_be_hidden()
    train.get_by_label("Find a setting").fill("lora_dropout")
    expect(dropout).to_be_visible()
    expect(train.locator("#field-seed")).to_be_hidden()
    tuning = train.get_by_role("button", name=re.compile("^Tuning"))
    expect(tuning).to_have_attribute("aria-expanded", "true")  # its fields are shown, so its arrow says so
    train.keyboard.press("Enter")
    expect(dropout.locator("input")).to_be_focused()
    train.get_by_label("Find a setting").fill("nothing is called so")
    expect(train.get_by_text("Settings of other methods and tunings are not shown")).to_be_visible()
    train.keyboard.press("Escape")
    expect(train.get_by_role("button", name=re.compile("^Tuning"))).to_be_visible()
    expect(dropout).to_be_hidden()


def test_a_recipe_is_kept_and_used_again(train: Page) -> None:
    train.locator("#field-learning_rate input").fill("0.004")
    menu = train.locator(".tr-menu")
    menu.locator("summary").first.click()
    menu.get_by_label("Save what the form shows as").fill("Mine")
    train.keyboard.press("Enter")
    expect(menu.get_by_role("button", name="Mine", exact=True)).to_be_visible()
    train.get_by_role("button", name="Start over").click()
    expect(train.locator("#field-learning_rate input")).to_have_value("0.0002")
    menu.locator("summary").first.click()
    menu.get_by_role("button", name="Mine", exact=True).click()
    expect(train.locator("#field-learning_rate input")).to_have_value("0.004")
    expect(train.locator("#field-learning_rate .tr-from")).to_have_text("recipe: Mine")


def test_a_double_click_on_start_leads_to_one_run(train: Page) -> None:
    train.locator("#length-unit").get_by_text("steps").click()
    expect(train.locator("#field-max_steps input")).to_have_value("100")
    train.locator("#run-name input, #run-name textarea").first.fill("from the form")
    expect(train.locator("#train-checks")).to_contain_text("100 steps")
    train.get_by_role("button", name="Start training").dblclick()
    train.wait_for_url(re.compile(r"/runs\?run=\w+"))
    with db.reading() as session:
        named = [run for run in runs.recent(session) if run.name == "from the form"]
    assert [run.recipe["max_steps"] for run in named] == [100]
    assert train.url.endswith(named[0].id)
    train.goto(train.url.split("/runs")[0] + ADDRESS)
    expect(train.locator("#checks-title")).to_have_text("Ready to start")
    expect(train.locator("#run-name input, #run-name textarea").first).to_have_value("")


@pytest.mark.parametrize("width", [390, 1360])
def test_the_form_fits_and_is_reached_by_keyboard(train: Page, width: int) -> None:
    train.set_viewport_size({"width": width, "height": 860})
    assert train.evaluate("document.documentElement.scrollWidth") <= width
    train.locator("#field-learning_rate input").focus()
    train.keyboard.press("Tab")
    expect(train.get_by_role("button", name="Advanced")).to_be_focused()


def test_what_speaks_against_it_and_the_start_stay_in_sight(train: Page) -> None:
    train.set_viewport_size({"width": 1360, "height": 860})
    train.get_by_role("button", name="Advanced").click()
    train.get_by_role("button", name=re.compile("^Tuning")).click()
    train.mouse.move(500, 500)
    train.mouse.wheel(0, 3000)
    expect(train.locator("#field-learning_rate")).not_to_be_in_viewport()
    expect(train.locator("#checks-title")).to_be_in_viewport()
    expect(train.locator("#train-start")).to_be_in_viewport()


def test_a_dropdown_opens_when_it_is_asked_to_and_closes_with_the_focus(train: Page) -> None:
    opened = train.locator('input[role="combobox"][aria-expanded="true"]')
    method = train.locator("#field-method input")
    before = method.input_value()
    train.locator("#field-model_id input").focus()
    for _ in range(6):
        expect(opened).to_have_count(0)
        train.keyboard.press("Tab")
    method.focus()
    train.keyboard.press("Enter")
    expect(opened).to_have_count(1)
    train.keyboard.press("Tab")
    expect(opened).to_have_count(0)
    expect(method).to_have_value(before)
    method.focus()
    train.keyboard.type("dpo")
    expect(train.get_by_role("option")).to_have_count(1)
    train.keyboard.press("Escape")
    expect(opened).to_have_count(0)
    train.keyboard.press("Tab")
    expect(method).to_have_value(before)  # what was searched for is forgotten
    method.focus()
    train.keyboard.press("ArrowDown")
    expect(opened).to_have_count(1)
    active = train.locator('[role="option"].active')
    expect(active).to_have_count(1)
    train.keyboard.press("ArrowDown")
    expect(active).not_to_have_text(re.compile(re.escape(before)))
    train.keyboard.press("Enter")
    expect(opened).to_have_count(0)
    expect(method).not_to_have_value(before)
    train.locator("#field-dataset_id input").click()
    expect(opened).to_have_count(1)
    outlines = "(input) => getComputedStyle(input).outlineStyle"
    train.keyboard.press("Tab")
    assert method.evaluate(outlines) == "none"  # its ring is around the whole field, not a second one inside it
