"""Presets, saved recipes, differences and origins over REST and on the command line."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.cli import presets as cli_presets
from engine.errors import NotFoundError
from engine.recipes import presets
from storage import db
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model
from tests.engine.weights import model_folders


@pytest.fixture
def subjects(tmp_path: Path) -> dict[str, str]:
    """A model that reads 512 tokens and a dataset, as the least a recipe needs."""
    path = str(model_folders.make(tmp_path / "m"))
    facts: dict[str, Any] = {"has_chat_template": True, "trainable": True, "context_length": 512}
    with db.session() as session:
        session.add(
            Model(id="m1", source="path", source_id=path, name="smollm", path=path, status=ModelStatus.READY, **facts)
        )
        ready = DatasetStatus.READY
        session.add(Dataset(id="d1", project_id="default", name="d", status=ready, kind="chat", accepted=40))
    return {"model_id": "m1", "dataset_id": "d1"}


def test_every_preset_is_listed_with_its_reasons(owner: TestClient) -> None:
    listed = owner.get("/api/recipes/presets").json()
    assert [preset["name"] for preset in listed] == [preset.name for preset in presets.all_presets()]
    assert all(setting["why"] for preset in listed for setting in preset["fields"])


def test_a_preset_is_applied_and_says_where_values_came_from(owner: TestClient, subjects: dict[str, str]) -> None:
    body = {"recipe": {**subjects, "seed": 7}}
    applied = owner.post("/api/recipes/presets/long context/apply", json=body).json()
    assert (applied["recipe"]["max_length"], applied["recipe"]["seed"]) == (512, 7)
    assert applied["origins"]["max_length"] == "model card"
    assert applied["origins"]["per_device_train_batch_size"] == "preset: long context"
    assert applied["origins"]["seed"] == "you"
    alone = owner.post("/api/recipes/presets/balanced/apply", json={"recipe": {}}).json()["recipe"]
    assert "model_id" not in alone
    assert owner.post("/api/recipes/presets/turbo/apply", json=body).status_code == 404
    wrong = owner.post("/api/recipes/presets/balanced/apply", json={"recipe": {"sead": 1}})
    assert (wrong.status_code, "`sead`" in wrong.json()["error"]["hint"]) == (422, True)


def test_a_run_keeps_its_origins_and_what_it_repeats(owner: TestClient, subjects: dict[str, str]) -> None:
    body = {"name": "first", "recipe": {**subjects, "seed": 7}, "origins": {"seed": "preset: mine"}, "repeats": "r0"}
    run = owner.post("/api/runs", json=body).json()
    assert (run["origins"], run["repeats"]) == ({"seed": "preset: mine"}, "r0")
    assert owner.get(f"/api/runs/{run['id']}").json()["origins"] == {"seed": "preset: mine"}
    for wrong in ({"sead": "you"}, {"seed": "magic"}):
        answer = owner.post("/api/runs", json={**body, "origins": wrong})
        assert answer.status_code == 422
    plain = owner.post("/api/runs", json={"name": "plain", "recipe": subjects}).json()
    assert (plain["origins"], plain["repeats"]) == ({}, None)


def test_recipes_are_saved_shown_downloaded_renamed_and_deleted(owner: TestClient) -> None:
    at = "/api/recipes/saved/Small chats"
    assert owner.put(at, json={"recipe": {"seed": 9, "method": "dpo"}}).json()["fields"]["seed"] == 9
    assert owner.get("/api/recipes/saved").json() == ["Small chats"]
    saved = owner.get(at).json()
    assert saved["text"].startswith("# Small chats\n")
    file = owner.get(f"{at}/yaml")
    assert (file.text, "attachment" in file.headers["content-disposition"]) == (saved["text"], True)
    assert owner.patch(at, json={"name": "Pairs"}).json()["name"] == "Pairs"
    assert owner.get(at).status_code == 404
    assert owner.delete("/api/recipes/saved/Pairs").status_code == 204
    assert owner.delete("/api/recipes/saved/Pairs").status_code == 404
    for name in ("..", "%2e%2e%2fx", "a%0ab", "x" * 61):
        assert owner.put(f"/api/recipes/saved/{name}", json={"recipe": {}}).status_code in (404, 405, 422)
    assert owner.put(at, json={"recipe": {"learning_rate": 5}}).status_code == 422


def test_two_recipes_or_runs_are_compared(owner: TestClient, subjects: dict[str, str]) -> None:
    run = owner.post("/api/runs", json={"name": "one", "recipe": {**subjects, "seed": 7}}).json()["id"]
    left_recipe = {**subjects, "lora_r": 8}
    differences = owner.post("/api/recipes/diff", json={"left": left_recipe, "right_run": run}).json()
    assert differences == [{"field": "lora_r", "left": 8, "right": 16}, {"field": "seed", "left": 42, "right": 7}]
    assert owner.post("/api/recipes/diff", json={"left": left_recipe, "right": left_recipe}).json() == []
    assert owner.post("/api/recipes/diff", json={"left_run": "gone"}).status_code == 404


def test_on_the_command_line_a_preset_fills_in_what_the_file_leaves_open(subjects: dict[str, str]) -> None:
    text = "model_id: m1\ndataset_id: d1\nmax_steps: 5\nseed: 3\n"
    recipe, source = cli_presets.recipe_of(text, ["quick try", "smollm2"])
    assert (recipe.max_steps, recipe.max_length, recipe.learning_rate) == (5, 512, 1e-3)
    assert source.origins["max_steps"] == source.origins["seed"] == "file"
    assert source.origins["learning_rate"] == "preset: smollm2"
    assert source.origins["max_length"] == "preset: quick try"
    recipe, source = cli_presets.recipe_of(text, [])
    assert (recipe.max_length, source.origins) == (1024, {"max_steps": "file", "seed": "file"})
    with pytest.raises(NotFoundError):
        cli_presets.recipe_of(text, ["turbo"])


def test_the_command_line_lists_the_presets(capsys: pytest.CaptureFixture[str]) -> None:
    cli_presets.list_presets()
    printed = capsys.readouterr().out
    assert all(preset.name in printed for preset in presets.all_presets())
    assert "learning_rate 0.001 (sft, cpt, lora, qlora): The makers' rate" in printed
