"""Tokens of a dataset are counted once, by workers, and a recipe that would learn nothing is refused."""

from pathlib import Path

import pytest

from engine.data import tokens
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import work
from storage import db
from storage.statuses import ModelStatus, WorkStatus
from storage.tables import Model
from tests.workers.tokens.vocabularies import furnish, turns


def test_a_page_of_rows_comes_as_tokens_and_is_made_once(tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path, "chat", [{"messages": turns(f"Q{n}", f"A{n}")} for n in range(5)])
    page = tokens.rows(dataset.id, model.id, 3, 10)
    assert [row["row"] for row in page["rows"]] == [4, 5]
    assert page["rows"][0]["sides"][0]["runs"][1]["state"] == "trained"
    again = tokens.begin_rows(dataset.id, model.id, 3, 10)
    assert again.status == WorkStatus.SUCCEEDED
    work_spec = tokens.spec(dataset, model)
    earlier = tokens.known_rows(dataset, work_spec, 3, 10)
    assert earlier is not None
    assert earlier.id == again.id
    assert tokens.known_rows(dataset, work_spec, 0, 10) is None
    assert tokens.is_prepared(work_spec)


def test_the_whole_dataset_is_counted(tmp_path: Path) -> None:
    rows = [{"messages": turns("Q", "A")}] * 4 + [{"messages": turns("Q" * 300, "A")}]
    dataset, model = furnish(tmp_path, "chat", rows)
    counting = work.wait(tokens.totals(dataset.id, model.id, 64).id, 60)
    totals = counting.result
    assert (counting.status, totals["kept"], totals["untrainable"]) == (WorkStatus.SUCCEEDED, 4, 1)
    assert tokens.steps_per_epoch(totals, batch_size=2) == 2
    assert tokens.steps_per_epoch(totals, batch_size=2, accumulation=2) == 1
    assert tokens.steps_per_epoch(totals, batch_size=1, packing=True) == totals["packing"]["sequences"]


def test_a_template_that_knows_no_bounds_fails_the_page_with_its_reason(tmp_path: Path) -> None:
    bomb = "{{ 'a' | center(99999999999999) }}"
    dataset, model = furnish(tmp_path, "chat", [{"messages": turns("Q", "A")}], bomb)
    with pytest.raises(RefusedError, match="more memory than it may have"):
        tokens.rows(dataset.id, model.id)


def test_what_is_not_ready_cannot_be_counted(tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path, "text", [{"text": "fox"}])
    with pytest.raises(NotFoundError):
        tokens.rows(dataset.id, "nope")
    with pytest.raises(NotFoundError):
        tokens.rows("nope", model.id)
    model.status = ModelStatus.QUEUED
    dataset.sha256 = None
    with pytest.raises(ConflictError, match="no rows yet"):
        tokens.spec(dataset, model)
    dataset.sha256 = "0" * 64
    with pytest.raises(ConflictError, match="not ready"):
        tokens.spec(dataset, model)


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, model = furnish(tmp_path, "text", [{"text": "fox"}])
    monkeypatch.setattr(tokens, "WAIT_SECONDS", 0)
    with pytest.raises(ConflictError, match="not counted yet"):
        tokens.rows(dataset.id, model.id)


def test_a_changed_tokenizer_is_counted_anew_and_training_cuts_at_the_context(tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path, "text", [{"text": "fox"}])
    before = tokens.spec(dataset, model)
    (tmp_path / "chat_template.jinja").write_text("new")
    after = tokens.spec(dataset, model, 99_999)
    assert before["cache"] != after["cache"]
    assert after["max_length"] == 2048
    with db.reading() as session:
        assert session.get(Model, model.id)
