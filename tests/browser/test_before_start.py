"""What the Train page says before the start is what Start does: rows are counted, and a YAML that is none stops it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage import db, runs
from storage.tables import Model
from tests.browser.conftest import Open
from tests.browser.test_train_page import write_yaml
from tests.workers.tokens.vocabularies import furnish, turns

pytestmark = pytest.mark.browser


@pytest.fixture
def pairs(visit: Open, at_home: Path, tmp_path: Path) -> Page:
    """The page with ten pairs: two of them cut at 1,024 tokens, two whose answers begin behind that."""
    good, bad = (turns("", text)[1:] for text in ("good", "bad"))
    long_answer = turns("", "A" * 1500)[1:]
    rows = [{"prompt": turns("Q"), "chosen": good, "rejected": bad}] * 6
    rows += [{"prompt": turns("Q"), "chosen": long_answer, "rejected": bad}] * 2
    rows += [{"prompt": turns("Q" * 1500), "chosen": good, "rejected": bad}] * 2
    dataset, model = furnish(tmp_path, "preference", rows)
    with db.session() as session:
        stored = session.get(Model, model.id)
        assert stored is not None
        stored.trainable, stored.parameters = True, 1000
    return visit(f"/train?model={model.id}&dataset={dataset.id}")


def started() -> set[str]:
    with db.reading() as session:
        return {run.id for run in runs.recent(session)}


def test_pairs_that_would_be_lost_are_counted_beside_start_and_a_button_keeps_them(pairs: Page) -> None:
    panel = pairs.locator("#train-checks")
    expect(panel).to_contain_text("8 of 10 rows are learnt from, 2 of them cut at 1,024 tokens.", timeout=30_000)
    expect(panel).to_contain_text("2 hold nothing to learn within 1,024 tokens and are left out.")
    expect(pairs.locator("#checks-title")).to_have_text("Ready, with a remark")
    panel.get_by_role("button", name=re.compile("Use Maximum length")).click()
    expect(pairs.locator("#checks-title")).to_have_text("Ready to start")
    expect(panel).to_contain_text(re.compile(r"all whole within 1,5\d\d tokens"))
    pairs.locator("#advanced > button").click()
    pairs.get_by_role("button", name=re.compile("Batches and memory")).click()
    pairs.locator("#field-max_length input").fill("2")
    expect(pairs.locator("#train-start")).to_be_disabled()


def test_a_yaml_that_is_no_recipe_starts_nothing(pairs: Page) -> None:
    expect(pairs.locator("#checks-title")).to_contain_text("Ready")
    before = started()
    write_yaml(pairs, "bogus_field: 3\n")
    pairs.evaluate("document.getElementById('train-start').click()")  # before the page has answered
    expect(pairs.locator("#train-start")).to_be_disabled()
    expect(pairs.locator(".tr-checks")).to_have_attribute("data-state", "bad")
    expect(pairs.locator("#train-checks")).to_contain_text("Line 1: There is no recipe field `bogus_field`")
    expect(pairs.locator("#yaml-problems")).to_contain_text("Line 1: There is no recipe field `bogus_field`")
    pairs.get_by_role("tab", name="Form").click()
    expect(pairs.locator("#train-start")).to_be_disabled()
    pairs.get_by_role("button", name="Go back to the form's recipe").click()
    expect(pairs.locator("#train-start")).to_be_enabled()
    expect(pairs.locator("#checks-title")).to_contain_text("Ready")
    pairs.get_by_role("tab", name="YAML").click()
    expect(pairs.locator("#recipe-yaml .cm-content")).not_to_contain_text("bogus_field")
    assert started() == before
