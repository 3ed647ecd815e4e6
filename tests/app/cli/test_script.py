"""`tunesmith script`: shown, written, and refused in a sentence."""

import ast
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.commands import cli
from engine.errors import RefusedError, TunesmithError
from tests.engine.runs.script.begun import begun_run
from tests.engine.weights import model_folders


def run_cli(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["script", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_a_run_is_shown_or_written_as_a_script_or_a_notebook(tmp_path: Path) -> None:
    run = begun_run(model_folders.make(tmp_path / "base"))
    ast.parse(run_cli(run.id))
    assert "trl==1.16.0\n" in run_cli(f"run:{run.id}", "--requirements")
    assert json.loads(run_cli(run.id, "--json"))["path"] is None
    file = tmp_path / "train.ipynb"
    assert run_cli(run.id, "--notebook", "--to", str(file)) == f"{file}\n"
    assert json.loads(file.read_text())["nbformat"] == 4


def test_a_file_that_is_there_or_cannot_be_written_is_said(tmp_path: Path) -> None:
    run = begun_run(model_folders.make(tmp_path / "base"))
    with pytest.raises(RefusedError, match="exists already"):
        run_cli(run.id, "--to", str(tmp_path))
    with pytest.raises(TunesmithError, match="cannot be written"):
        run_cli(run.id, "--to", str(tmp_path / "nowhere" / "a.py"))
    with pytest.raises(RefusedError, match="two different files"):
        run_cli(run.id, "--notebook", "--requirements")
