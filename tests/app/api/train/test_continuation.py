"""Train further, as the window, REST and the command line offer it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import commands
from engine.recipes.recipe import to_yaml
from engine.runs import runs
from pages.train.recipe_source import Choices, start_values
from storage import db, home
from storage.statuses import RunStatus
from storage.tables import Run
from tests import rest
from tests.engine import table_rows
from tests.engine.table_rows import RECIPE


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch, home: Path) -> Run:
    """A run that has left an adapter."""
    table_rows.furnish(monkeypatch)
    return finished("first")


def finished(name: str) -> Run:
    run = Run(project_id="default", name=name, model_id="m1", dataset_id="d1", recipe=RECIPE.model_dump())
    run.status, run.artifact = RunStatus.SUCCEEDED, "adapter"
    with db.session() as session:
        session.add(run)
    folder = home.run_folder(run.id) / "adapter"
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"r": 16, "lora_alpha": 32}))
    return run


def test_the_form_begins_with_the_recipe_and_the_run(first: Run) -> None:
    values = start_values("", {"further": first.id}, Choices([], [], []))
    assert (values.name, values.recipe["start_from"], values.recipe["lora_r"]) == ("first further", first.id, 16)


def test_rest_gives_a_recipe_that_is_accepted(first: Run) -> None:
    client = rest.log_in(rest.make_client())
    recipe = client.get(f"/api/runs/{first.id}/further").json()
    assert recipe["start_from"] == first.id
    answer = client.post("/api/runs", json={"name": "second", "recipe": recipe})
    assert answer.status_code == 201
    with db.session() as session:
        session.get_one(Run, first.id).status = RunStatus.FAILED
    refused = client.get(f"/api/runs/{first.id}/further")
    assert (refused.status_code, "has no result" in refused.json()["error"]["message"]) == (422, True)


def test_the_command_line_names_the_run(first: Run, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(to_yaml(RECIPE))
    ended = CliRunner().invoke(commands.cli, ["train", str(file), "--start-from", first.id])
    assert ended.exit_code == 0, ended.output
    assert runs.look_up(ended.output.split()[1]).recipe["start_from"] == first.id
