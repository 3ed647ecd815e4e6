"""What becomes of the rows of a training, over REST and on the command line, before it starts."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.cli import recipe as cli_recipe
from engine.data import row_counts
from engine.process import work
from engine.recipes.recipe import Recipe, to_yaml
from tests.workers.tokens.vocabularies import furnish, turns


def furnished(folder: Path) -> dict[str, Any]:
    """A recipe of 64 tokens, and three rows: a short one, one that is cut, one whose answer begins too late."""
    chats = (turns("Q", "A"), turns("Q", "A" * 99), turns("Q" * 99, "A"))
    dataset, model = furnish(folder, "chat", [{"messages": chat} for chat in chats])
    return {"model_id": model.id, "dataset_id": dataset.id, "max_length": 64}


def test_rows_are_guessed_at_first_and_then_counted_for_every_length(owner: TestClient, tmp_path: Path) -> None:
    recipe = furnished(tmp_path)
    first = owner.post("/api/recipes/rows", json={"recipe": recipe}).json()
    assert first["source"] == "estimate"
    (counting,) = work.about(recipe["dataset_id"], row_counts.KIND)
    work.wait(counting.id, 60)
    counted = owner.post("/api/recipes/rows", json={"recipe": recipe}).json()
    assert (counted["status"], counted["source"]) == ("succeeded", "counted")
    assert [counted[name] for name in ("rows", "kept", "cut", "untrainable", "refused")] == [3, 2, 1, 1, 0]
    better = recipe | {"max_length": counted["better_length"]}
    whole = owner.post("/api/recipes/rows", json={"recipe": better}).json()
    assert [whole[name] for name in ("source", "kept", "cut", "keeps_whole")] == ["counted", 3, 0, 3]
    (problem,) = [
        problem
        for problem in owner.post("/api/runs/check", json={"recipe": recipe}).json()
        if "learnt from" in problem["message"]
    ]
    assert problem["instead"] == {"max_length": counted["better_length"]}


def test_rows_that_no_method_can_count_are_refused(owner: TestClient, tmp_path: Path) -> None:
    recipe = furnished(tmp_path) | {"method": "dpo", "learning_rate": 2e-5}
    answer = owner.post("/api/recipes/rows", json={"recipe": recipe})
    assert answer.status_code == 422
    assert "cannot be counted" in answer.json()["error"]["message"]


def test_the_command_says_what_becomes_of_the_rows(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    recipe = Recipe.model_validate(furnished(tmp_path))
    file = tmp_path / "recipe.yaml"
    file.write_text(to_yaml(recipe))
    cli_recipe.check(file)
    printed = capsys.readouterr().out
    assert "rows     2 of 3 rows are learnt from, 1 of them cut at 64 tokens. 1 holds nothing" in printed
    assert "warning  max_length: " in printed


def test_a_refusal_names_the_field_and_never_says_the_recipe_back(owner: TestClient) -> None:
    recipe = {"model_id": "m", "dataset_id": "d", "method": "dpo", "beta": 0, "seed": {"a": [1]}}
    for wrong in (recipe, recipe | {"seed": 1}):
        error = owner.post("/api/runs/check", json={"recipe": wrong}).json()["error"]
        assert "{" not in error["message"] + error["hint"]
    assert "raise beta" in error["hint"]
    answer = owner.post("/api/runs/check", json={"recipe": {"model_id": "m", "dataset_id": "d", "packing": True}})
    assert answer.status_code == 404  # the recipe holds; there is no such model
