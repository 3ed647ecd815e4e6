"""The line about rows beside the Train form: guessed, followed while it is counted, then exact."""

from pathlib import Path
from typing import Any

import pytest

from engine.data import row_counts
from engine.errors import NotFoundError
from engine.process import work
from engine.recipes.recipe import Recipe
from pages.train import recipe_edits, row_panel
from pages.train.recipe_check import check, check_html
from pages.train.recipe_form import recipe_of, values_of
from storage import db
from storage.statuses import WorkStatus
from storage.tables import Dataset, Model, Work
from tests.pages.clicks import Click
from tests.workers.tokens.vocabularies import furnish, turns


@pytest.fixture
def values(tmp_path: Path) -> dict[str, Any]:
    """A recipe whose rows are three short chats and one that is cut."""
    dataset, model = furnish(tmp_path, "chat", [{"messages": turns("Q", "A" * length)} for length in (1, 1, 1, 900)])
    with db.session() as session:
        stored = session.get(Model, model.id)
        assert stored is not None
        stored.trainable, stored.parameters = True, 1000
    return {"model_id": model.id, "dataset_id": dataset.id, "max_length": 64}


def panel(values: dict[str, Any]) -> str:
    return check_html(check(recipe_of(values_of(values))))


def counting(values: dict[str, Any]) -> Work:
    (found,) = work.about(values["dataset_id"], row_counts.KIND)
    return found


def test_rows_are_counted_by_the_panel_itself_and_then_known_for_every_length(values: dict[str, Any]) -> None:
    html = panel(values)
    assert "Ready, while rows are counted" in html
    assert "about 4 learnt from, about 1 of them cut at 64 tokens" in html
    assert 'data-source="estimate"' in html
    assert 'data-state="warn"' in html
    assert "at most 1 step" in html
    job = counting(values)
    assert f"/fragments/train/rows?work={job.id}" in html
    assert "data-done" not in row_panel.fragment({"work": job.id})
    assert panel(values | {"max_length": 2000}).count("probably all whole within 2,000 tokens") == 1
    assert counting(values).id == job.id
    assert work.wait(job.id, 60).status == WorkStatus.SUCCEEDED
    assert f'data-done="{job.id}"' in row_panel.fragment({"work": job.id})
    counted = panel(values)
    assert "Ready, with a remark" in counted
    assert "4 of 4 rows are learnt from, 1 of them cut at 64 tokens." in counted
    whole = panel(values | {"max_length": 2000})
    assert "Ready to start" in whole
    assert "all whole within 2,000 tokens" in whole
    assert "estimate" not in whole
    assert "at most" not in whole


def test_a_large_dataset_is_counted_at_a_click(values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_panel, "COUNTED_UNASKED", 1)
    html = panel(values)
    assert "Ready, rows not counted" in html
    assert 'data-act="count"' in html
    assert work.about(values["dataset_id"], row_counts.KIND) == []
    recipe_edits.mend(Click("count", "rows"), "", *values_of(values))
    assert counting(values).kind == row_counts.KIND
    assert "Ready, while rows are counted" in panel(values)


def test_a_counting_that_failed_says_why_and_can_be_tried_again(values: dict[str, Any]) -> None:
    recipe = Recipe.model_validate(values)
    with db.session() as session:
        model, dataset = session.get(Model, recipe.model_id), session.get(Dataset, recipe.dataset_id)
        assert model is not None
        assert dataset is not None
    job = row_counts.begin(recipe, model, dataset)
    assert job is not None
    work.wait(job.id, 60)
    with db.session() as session:
        stored = session.get(Work, job.id)
        assert stored is not None
        stored.status, stored.error = WorkStatus.FAILED, "The template <b> ran for too long."
    html = panel(values)
    assert "The template &lt;b&gt; ran for too long." in html
    assert 'data-act="count"' in html
    assert len(work.about(values["dataset_id"], row_counts.KIND)) == 1  # it is not tried again by itself


def test_only_countings_are_followed(values: dict[str, Any]) -> None:
    assert row_panel.fragment({}) == ""
    with pytest.raises(NotFoundError):
        row_panel.fragment({"work": "gone"})
