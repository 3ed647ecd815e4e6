"""A training as a SkyPilot task, over REST and on the command line, and its device plan beside the form."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app.cli.commands import cli
from engine.recipes.recipe import parse, to_yaml
from pages.train.recipe_check import check, check_html, command_html
from storage import db
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model
from tests.engine.weights import model_folders


@pytest.fixture
def recipe_fields(tmp_path: Path) -> dict[str, Any]:
    """A recipe for two processes, of a model and a dataset that are there."""
    path = str(model_folders.make(tmp_path / "m"))
    ready, rows = DatasetStatus.READY, "0" * 64
    with db.session() as session:
        session.add(Model(id="m1", source="path", source_id=path, name="smol", path=path, status=ModelStatus.READY))
        session.add(
            Dataset(id="d1", project_id="default", name="d", status=ready, kind="chat", accepted=40, sha256=rows)
        )
    return {"model_id": "m1", "dataset_id": "d1", "strategy": "ddp", "num_processes": 2}


def test_a_recipe_becomes_a_task_for_the_cloud(owner: TestClient, recipe_fields: dict[str, Any]) -> None:
    answer = owner.post("/api/recipes/sky", json={"recipe": recipe_fields, "accelerators": "A100:2"})
    task = yaml.safe_load(answer.json()["yaml"])
    assert task["resources"] == {"accelerators": "A100:2"}
    assert task["file_mounts"]["~/tunesmith/rows.parquet"].endswith(f"{'0' * 64}.parquet")
    refused = owner.post("/api/recipes/sky", json={"recipe": recipe_fields, "accelerators": "many"})
    assert (refused.status_code, "is not a kind and number of GPUs" in refused.json()["error"]["message"]) == (
        422,
        True,
    )
    missing = owner.post("/api/recipes/sky", json={"recipe": recipe_fields | {"model_id": "no"}})
    assert missing.status_code == 404


def test_the_command_line_writes_the_same(recipe_fields: dict[str, Any], tmp_path: Path) -> None:
    recipe, task = tmp_path / "recipe.yaml", tmp_path / "task.yaml"
    recipe.write_text(to_yaml(parse(recipe_fields)))
    printed = CliRunner().invoke(cli, ["export-sky", str(recipe), "--accelerators", "H100:2"])
    written = CliRunner().invoke(cli, ["export-sky", str(recipe), "--accelerators", "H100:2", "-o", str(task)])
    assert written.stdout.strip() == f"Start it with: sky launch {task}"
    assert task.read_text() == printed.stdout
    assert CliRunner().invoke(cli, ["export-sky", str(recipe), "-o", str(tmp_path)]).exit_code == 1


def test_the_page_shows_the_device_plan_the_command_and_the_task(recipe_fields: dict[str, Any]) -> None:
    checked = check(recipe_fields)
    assert "Process 1 on the CPU: a whole copy of the weights" in check_html(checked)
    command = command_html(checked)
    assert "--nproc-per-node 2" in command
    assert "SKYPILOT_NODE_RANK" in command
    alone = check(recipe_fields | {"strategy": "none", "num_processes": 0})
    assert "Device plan" not in check_html(alone)
    unfinished = check(recipe_fields | {"strategy": "none", "num_processes": 0, "method": "gkd", "teacher_id": "no"})
    assert "SkyPilot" not in command_html(unfinished)
