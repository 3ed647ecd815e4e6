"""The panel of what a training takes, in a real browser: it follows the form, and Apply puts its suggestion there."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from engine.fit import past_probes
from engine.recipes.recipe import Recipe
from storage import db
from storage.statuses import DatasetStatus, ModelStatus, WorkStatus
from storage.tables import Dataset, Model, Work
from tests.browser.conftest import Open
from tests.engine.train import fake_probe
from tests.engine.weights import model_folders

pytestmark = pytest.mark.browser


@pytest.fixture
def train(visit: Open, at_home: Path) -> Page:
    """The form of a model and a dataset whose default recipe was probed, and did not fit."""
    fields = {"model_id": "fitpanelmodel", "dataset_id": "fitpaneldata"}
    with db.session() as session:
        if session.get(Model, "fitpanelmodel") is None:
            path = str(model_folders.make(at_home / "models" / "fitpanelmodel" / "files"))
            facts: dict[str, Any] = {"parameters": model_folders.PARAMETERS, "has_chat_template": True}
            state: dict[str, Any] = {"name": "tiny", "path": path, "status": ModelStatus.READY, "trainable": True}
            session.add(Model(id="fitpanelmodel", source="path", source_id=path, **state, **facts))
            rows: dict[str, Any] = {"kind": "chat", "rows": 40, "accepted": 40, "sha256": "1" * 64}
            about: dict[str, Any] = {"project_id": "default", "name": "sums", "status": DatasetStatus.READY}
            session.add(Dataset(id="fitpaneldata", **about, **rows))
            spec = {"recipe": past_probes.probed_fields(Recipe.model_validate(fields))}
            measured = fake_probe.measured(4, 1, 1024, fits=False).model_dump()
            work: dict[str, Any] = {"kind": past_probes.KIND, "key": "k", "status": WorkStatus.SUCCEEDED}
            session.add(Work(subject_id="fitpaneldata", spec=spec, result=measured, **work))
    page = visit("/train?model=fitpanelmodel&dataset=fitpaneldata")
    expect(page.locator(".tr-fit")).to_contain_text("measured")
    return page


def test_apply_fills_the_form_and_the_numbers_follow(train: Page) -> None:
    expect(train.locator("#train-checks")).to_contain_text("Measured: the longest rows of the dataset do not fit")
    train.get_by_role("button", name="Apply").click()
    expect(train.locator(".tr-fit")).to_contain_text("700 MB of 2 GB")
    expect(train.locator("#train-checks")).not_to_contain_text("do not fit")
    train.locator("#advanced > button").click()
    train.get_by_role("button", name=re.compile("Batches and memory")).click()
    expect(train.locator("#field-per_device_train_batch_size input")).to_have_value("2")
    expect(train.locator("#field-gradient_accumulation_steps input")).to_have_value("2")
    expect(train.locator("#field-per_device_train_batch_size .tr-from")).to_have_text("probe")


def test_another_recipe_is_an_estimate_again(train: Page) -> None:
    train.locator("#advanced > button").click()
    train.get_by_role("button", name=re.compile("Tuning")).click()
    train.locator("#field-lora_r input").fill("8")
    memory = train.locator(".tr-fit dl > div").first
    expect(memory).to_contain_text("estimate")
    expect(train.get_by_role("button", name="Measure")).to_be_visible()
