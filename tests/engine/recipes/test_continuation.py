"""Training further: what fits, what a new run is told, and what is known of the lineage."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.recipes import continuation
from engine.recipes.recipe import Recipe
from engine.runs import runs
from engine.train.rules import start
from storage import db, home
from storage.statuses import RunStatus
from storage.tables import Dataset, Model, Run
from tests.engine import table_rows
from tests.engine.table_rows import RECIPE, until

MODEL = Model(id="m1", source="path", source_id="/m", name="m")
DATASET = Dataset(id="d1", project_id="default", name="d")
ENDED = (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.STOPPED, RunStatus.INTERRUPTED)


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    table_rows.furnish(monkeypatch)


def finished(artifact: str = "adapter", **fields: Any) -> Run:
    """A run that has succeeded, with its result in its folder."""
    recipe = RECIPE.model_dump() | fields
    run = Run(project_id="default", name="first", model_id="m1", dataset_id="d1", recipe=recipe)
    run.status, run.artifact = RunStatus.SUCCEEDED, artifact
    with db.session() as session:
        session.add(run)
    folder = home.run_folder(run.id) / artifact
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"r": 16, "lora_alpha": 32}))
    return run


def problems(**fields: Any) -> list[tuple[str, str, str]]:
    recipe = Recipe.model_validate(RECIPE.model_dump() | fields)
    refused = start._start(recipe, MODEL, DATASET)
    return [(problem.field, problem.message, problem.hint) for problem in refused]


def test_a_new_run_is_told_the_adapter_to_begin_with_and_both_know_each_other() -> None:
    first = finished()
    list_of_rows = home.run_folder(first.id) / "held_out.parquet"
    list_of_rows.touch()
    recipe = Recipe.model_validate(continuation.recipe_for(first))
    assert recipe.start_from == first.id
    second = until(runs.start_run("second", recipe).id, *ENDED)
    spec = json.loads((home.run_folder(second.id) / "spec.json").read_text())
    assert spec["adapter_path"] == str(home.run_folder(first.id) / "adapter")
    assert spec["model_path"] == "/m"
    assert spec["resume_from"] is None
    assert (spec["held_out_path"], spec["dataset_family"]) == (str(list_of_rows), "d1")
    assert [run.id for run in continuation.descendants(first)] == [second.id]
    ancestor = continuation.ancestor(second)
    assert ancestor
    assert ancestor.id == first.id
    assert continuation.ancestor(first) is None


def test_a_run_that_does_not_know_what_it_held_out_is_remarked_on() -> None:
    older = finished(eval_fraction=0.1)
    ((field, message, _),) = problems(start_from=older.id)
    assert (field, "may be learnt now" in message) == ("start_from", True)
    (home.run_folder(older.id) / "held_out.parquet").touch()
    assert problems(start_from=older.id) == []


def test_a_whole_model_is_the_model_of_the_new_run() -> None:
    first = finished("model", tuning="full", lora_r=16)
    recipe = Recipe.model_validate(continuation.recipe_for(first))
    with db.reading() as session:
        begin = continuation.start_of(recipe, session.get_one(Model, "m1"))
    assert (begin.model_path, begin.adapter_path) == (str(home.run_folder(first.id) / "model"), None)


def test_what_fits_is_accepted() -> None:
    first = finished()
    assert problems(start_from=first.id) == []
    assert problems(start_from=first.id, tuning="qlora", lora_dropout=0.1, learning_rate=1e-5) == []
    assert problems(start_from=first.id, method="dpo") == []
    assert problems() == []


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"model_id": "m2"}, "model_id", "trained another model"),
        ({"tuning": "full"}, "tuning", "so full cannot continue it"),
        ({"lora_r": 8}, "lora_r", "was made with 16"),
        ({"target_modules": "q_proj"}, "target_modules", "keeps its shape"),
        ({"method": "reward"}, "method", "another head"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(fields: dict[str, Any], field: str, words: str) -> None:
    first = finished()
    [(refused, message, hint)] = problems(start_from=first.id, **fields)
    assert refused == field
    assert words in f"{message} {hint}"
    assert hint


def test_an_adapter_on_a_whole_model_of_a_run_needs_that_model_in_the_studio() -> None:
    first = finished("model", tuning="full", lora_r=16)
    [(field, _, hint)] = problems(start_from=first.id)
    assert field == "tuning"
    assert "Models page" in hint


def test_an_adapter_that_was_saved_with_twice_the_rank_is_trained_on_with_that() -> None:
    first = finished(init_lora_weights="pissa")
    file = home.run_folder(first.id) / "adapter" / "adapter_config.json"
    file.write_text(json.dumps({"r": 32, "lora_alpha": 64}))
    fields = continuation.recipe_for(first)
    assert (fields["lora_r"], fields["lora_alpha"], fields["init_lora_weights"]) == (32, 64, "default")
    assert problems(**{"start_from": first.id, "lora_r": 32, "lora_alpha": 64}) == []


def test_a_run_that_is_gone_or_left_nothing_is_named() -> None:
    [(field, message, hint)] = problems(start_from="nothing")
    assert (field, "does not exist" in message, bool(hint)) == ("start_from", True, True)
    first = finished()
    shutil.rmtree(home.run_folder(first.id) / "adapter")
    [(_, message, hint)] = problems(start_from=first.id)
    assert "has no result" in message
    assert "resume it" in hint
    with pytest.raises(RefusedError):
        continuation.recipe_for(first)
    with pytest.raises(NotFoundError):
        continuation.source(RECIPE.model_copy(update={"start_from": "nothing"}))


def test_a_run_is_not_deleted_while_another_begins_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.turn_knobs(monkeypatch, steps=1000, pause=0.02)
    first = finished()
    second = runs.start_run("second", Recipe.model_validate(continuation.recipe_for(first)))
    with pytest.raises(ConflictError, match="starts from"):
        runs.delete_run(first.id)
    runs.stop_run(second.id)
    until(second.id, RunStatus.STOPPED)
    runs.delete_run(first.id)
    runs.resume_run(second.id)
    failed = until(second.id, *ENDED)
    assert failed.status == RunStatus.FAILED
    assert "start_from names the run" in (failed.error or "")
