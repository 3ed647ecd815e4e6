"""Out of memory: the same rows a step in smaller batches, as often as it helps, and never silently."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.recipes.recipe import Recipe
from engine.runs import healing, runs
from storage import home
from storage.statuses import RunStatus
from storage.tables import RunFacts
from storage.tables.run_facts import Adjustment
from tests.engine import table_rows
from tests.engine.table_rows import RECIPE, until

ENDED = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.STOPPED, RunStatus.INTERRUPTED)


@pytest.fixture
def furnished(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    table_rows.furnish(monkeypatch)


def spec(run_id: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((home.run_folder(run_id) / "spec.json").read_text())
    return content


@pytest.mark.usefixtures("furnished")
def test_a_run_without_memory_goes_on_with_half_the_rows_at_once_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, room=2, save=5)
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    assert (run.status, run.attempt, run.auto_resumes) == (RunStatus.SUCCEEDED, 2, 0)
    assert run.recipe == RECIPE.model_dump()  # as it was submitted
    tried = spec(run.id)["recipe"]
    assert (tried["per_device_train_batch_size"], tried["gradient_accumulation_steps"]) == (2, 2)
    assert run.facts.resumed_from_step == 5
    [adjustment] = run.facts.healed
    assert (adjustment.attempt, adjustment.step) == (1, 5)
    [note] = run.facts.notes
    assert note.startswith("Attempt 1: There was not enough memory.")
    assert "from step 5 with per_device_train_batch_size 2 instead of 4" in note
    assert "still 4 rows a step" in note


@pytest.mark.usefixtures("furnished")
def test_where_nothing_is_left_to_try_it_fails_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, room=0)
    run = until(runs.start_run("r", RECIPE).id, *ENDED)
    assert (run.status, run.attempt) == (RunStatus.FAILED, 4)  # 4, 2, 1, gradient checkpointing
    assert run.facts.adjustments["gradient_checkpointing"] is True
    assert run.hint == healing.EXHAUSTED
    assert len(run.facts.notes) == 3


@pytest.mark.usefixtures("furnished")
def test_who_wants_no_resuming_gets_the_remedy_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, room=2)
    run = until(runs.start_run("r", RECIPE.model_copy(update={"auto_resume": False})).id, *ENDED)
    assert (run.status, run.attempt) == (RunStatus.FAILED, 1)
    assert "per_device_train_batch_size" in (run.hint or "")
    monkeypatch.setenv("FAKE_ROOM", "9")
    runs.resume_run(run.id)
    assert until(run.id, *ENDED).status == RunStatus.SUCCEEDED


@pytest.mark.usefixtures("furnished")
def test_memory_that_ran_out_before_the_first_batch_is_not_mended_by_smaller_ones() -> None:
    assert healing.smaller(RECIPE.model_dump(), RunFacts(stage="loading")) is None
    assert healing.smaller(RECIPE.model_dump(), RunFacts(stage="training"))
    assert healing.smaller({"method": "of a later studio"}, RunFacts()) is None


def test_each_method_keeps_its_own_rules() -> None:
    kto = Recipe(model_id="m", dataset_id="d", method="kto", per_device_train_batch_size=2)
    healed = healing.smaller(kto.model_dump(), RunFacts())
    assert healed
    assert healed.adjustments == {"gradient_checkpointing": True}
    grpo = Recipe(model_id="m", dataset_id="d", method="grpo", per_device_train_batch_size=4, num_generations=4)
    healed = healing.smaller(grpo.model_dump(), RunFacts())
    assert healed
    assert healed.adjustments == {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}


@settings(deadline=None)
@given(batch=st.integers(1, 4096), accumulation=st.integers(1, 64))
def test_every_change_keeps_the_rows_of_a_step_and_it_ends(batch: int, accumulation: int) -> None:
    recipe = Recipe(
        model_id="m", dataset_id="d", per_device_train_batch_size=batch, gradient_accumulation_steps=accumulation
    )
    facts = RunFacts()
    for attempt in range(healing.MOST_ADJUSTMENTS + 1):
        healed = healing.smaller(recipe.model_dump(), facts)
        if healed is None:
            break
        adjustment = Adjustment(attempt=attempt, step=0, words=healed.words)
        before = healing.adjusted(recipe, facts)
        facts = RunFacts(adjustments=healed.adjustments, healed=[*facts.healed, adjustment])
        now = healing.adjusted(recipe, facts)
        assert now.per_device_train_batch_size * now.gradient_accumulation_steps == batch * accumulation
        halved = now.per_device_train_batch_size <= before.per_device_train_batch_size / 2
        assert halved or (now.gradient_checkpointing and not before.gradient_checkpointing)
    assert healing.smaller(recipe.model_dump(), facts) is None
