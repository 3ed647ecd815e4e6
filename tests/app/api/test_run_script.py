"""A run's script over REST: as files with their names and kinds, and refused in the one shape."""

import ast
import json
from pathlib import Path

import pyarrow
import pytest
from starlette.testclient import TestClient

from tests.engine.runs.script.begun import begun_run
from tests.engine.weights import model_folders


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return model_folders.make(tmp_path / "base")


def test_script_notebook_and_packages_are_files_of_text(owner: TestClient, base: Path) -> None:
    run = begun_run(base, name='Jokes "v2"; é\u202e')
    script = owner.get(f"/api/runs/{run.id}/script")
    assert script.headers["content-type"] == "text/x-python; charset=utf-8"
    assert script.headers["content-disposition"] == 'attachment; filename="Jokes-v2-e.py"'
    assert "SFTTrainer" in {node.id for node in ast.walk(ast.parse(script.text)) if isinstance(node, ast.Name)}
    notebook = owner.get(f"/api/runs/{run.id}/notebook")
    assert notebook.headers["content-type"] == "application/x-ipynb+json"
    assert notebook.headers["content-disposition"] == 'attachment; filename="Jokes-v2-e.ipynb"'
    assert json.loads(notebook.text)["nbformat"] == 4
    tokens = owner.get(f"/api/runs/{run.id}/tokens")
    assert len(pyarrow.ipc.open_stream(tokens.content).read_all()) == 3
    packages = owner.get(f"/api/runs/{run.id}/requirements")
    assert packages.headers["content-type"] == "text/plain; charset=utf-8"
    assert "trl==1.16.0" in packages.text.splitlines()


def test_how_it_is_started_comes_with_the_cloud_task_or_why_there_is_none(owner: TestClient, base: Path) -> None:
    answer = owner.get(f"/api/runs/{begun_run(base).id}/launch").json()
    assert [command["text"] for command in answer["commands"]][:2] == ["uv run Jokes-v2.py", "python Jokes-v2.py"]
    assert answer["sky"] == ""  # the dataset of this run has no rows
    assert "support chats" in answer["sky_reason"]


def test_what_cannot_be_had_is_refused_with_the_reason(owner: TestClient, base: Path) -> None:
    assert owner.get("/api/runs/nobody/script").status_code == 404
    waiting = owner.get(f"/api/runs/{begun_run(base, {'dtype': None}).id}/script")
    assert waiting.status_code == 409
    assert "has not begun" in waiting.json()["error"]["message"]
    own = owner.get(f"/api/runs/{begun_run(base, optim='muon').id}/notebook")
    assert own.status_code == 422
    assert "muon" in own.json()["error"]["message"]
