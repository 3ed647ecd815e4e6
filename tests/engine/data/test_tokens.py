"""Tokens of a dataset are counted once, by workers, and a recipe that would learn nothing is refused."""

from pathlib import Path

import pytest

from engine.data import tokens
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import work
from engine.recipes.recipe import Recipe
from engine.train.rules import subjects
from storage import db
from storage.statuses import ModelStatus, WorkStatus
from storage.tables import Dataset, Model
from tests.workers.tokens.vocabularies import furnish, turns

REFUSES = "{{ raise_exception('Only on Sundays') }}"


def recipe(dataset: Dataset, model: Model, **fields: object) -> Recipe:
    return Recipe.model_validate({"model_id": model.id, "dataset_id": dataset.id} | fields)


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


def test_the_whole_dataset_is_counted_and_a_recipe_that_learns_nothing_is_refused(tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path, "chat", [{"messages": turns("Q" * 300, "A")}] * 6)
    counting = work.wait(tokens.totals(dataset.id, model.id, 64).id, 60)
    assert (counting.status, counting.result["kept"], counting.result["untrainable"]) == (WorkStatus.SUCCEEDED, 0, 6)
    (problem,) = subjects._learns(recipe(dataset, model, max_length=64), model, dataset)
    assert problem.level == "error"
    assert "all of its 6 rows" in problem.message
    assert "raise max_length" in problem.hint
    # Nobody has counted with this length yet, so the worker will see.
    assert list(subjects._learns(recipe(dataset, model, max_length=512), model, dataset)) == []


def test_what_the_template_refuses_is_the_reason(tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path, "chat", [{"messages": turns("Q", "A")}], REFUSES)
    work.wait(tokens.totals(dataset.id, model.id).id, 60)
    (problem,) = subjects._learns(recipe(dataset, model), model, dataset)
    assert "Only on Sundays" in problem.hint


def test_rows_that_are_left_out_are_a_warning(tmp_path: Path) -> None:
    rows = [{"messages": turns("Q", "A")}] * 4 + [{"messages": turns("Q" * 300, "A")}]
    dataset, model = furnish(tmp_path, "chat", rows)
    counting = work.wait(tokens.totals(dataset.id, model.id, 64).id, 60)
    (problem,) = subjects._learns(recipe(dataset, model, max_length=64), model, dataset)
    assert (problem.level, problem.message[:14]) == ("warning", "1 of the 5 row")
    assert tokens.steps_per_epoch(counting.result, batch_size=2) == 2
    assert tokens.steps_per_epoch(counting.result, batch_size=2, accumulation=2) == 1
    assert (
        tokens.steps_per_epoch(counting.result, batch_size=1, packing=True) == counting.result["packing"]["sequences"]
    )


def test_rows_are_left_out_by_their_method(tmp_path: Path) -> None:
    prompt, same_answer = turns("Q"), turns("", "same")[1:]
    rows = [{"prompt": prompt, "chosen": turns("", f"good {n}")[1:], "rejected": same_answer} for n in range(4)]
    rows += [
        {"prompt": prompt, "chosen": same_answer, "rejected": same_answer},
        {**rows[0], "chosen": turns("", "A" * 300)[1:]},
    ]
    dataset, model = furnish(tmp_path, "preference", rows)
    work.wait(tokens.totals(dataset.id, model.id, 64).id, 60)
    (pairs,) = subjects._learns(recipe(dataset, model, max_length=64, method="dpo"), model, dataset)
    assert pairs.message.startswith("1 of the 6 rows")
    (scored,) = subjects._learns(recipe(dataset, model, max_length=64, method="reward"), model, dataset)
    assert scored.message.startswith("2 of the 6 rows")
    assert "scored whole or not at all, up to 64 tokens" in scored.hint


def test_prompts_have_to_leave_room_for_an_answer(tmp_path: Path) -> None:
    rows = [{"prompt": turns("Q" * length)} for length in (2, 4, 300)]
    dataset, model = furnish(tmp_path, "prompt", rows)
    grpo_recipe = recipe(dataset, model, max_length=128, max_completion_length=64, method="grpo")
    assert tokens.counted(grpo_recipe, model, dataset) is None
    work.wait(tokens.totals(dataset.id, model.id, 1024).id, 60)  # of another length: prompts are not cut
    (problem,) = subjects._learns(grpo_recipe, model, dataset)
    assert problem.message.startswith("1 of the 3 rows")
    assert "room for a prompt of 64 tokens" in problem.hint


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
    assert tokens.counted(recipe(dataset, model), model, dataset) is None


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
