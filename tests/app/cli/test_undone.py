"""Evaluations, snippets and sweeps at the command line: listed, shown, deleted, had back."""

import json

import pytest
from typer.testing import CliRunner, Result

from app.cli.commands import cli
from engine.code import snippets
from engine.errors import NotFoundError, RefusedError
from engine.sweeps import sweeps
from storage.statuses import WorkStatus
from tests import stored_evaluations
from tests.engine.sweeps.test_deleting import sweep_of


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def test_evaluations_are_listed_shown_deleted_and_had_back() -> None:
    row = stored_evaluations.add("first")
    waits = stored_evaluations.add("waits", status=WorkStatus.QUEUED, result={})
    listed = run("evaluations", "list", "first").stdout
    assert listed.startswith(f"{row.id}  succeeded  first  ")
    assert json.loads(CliRunner().invoke(cli, ["evaluations", "list", "--json"]).stdout)[1]["id"] == row.id
    assert str(row.result["sentence"]) in run("evaluations", "show", row.id).stdout
    shown = CliRunner().invoke(cli, ["evaluations", "show", row.id, "--json"])
    assert json.loads(shown.stdout)["id"] == row.id
    assert run("evaluations", "show", waits.id).stdout.startswith(f"{waits.id}  queued ")
    made = json.loads(CliRunner().invoke(cli, ["evaluations", "delete", row.id, "--json"]).stdout)
    assert isinstance(run("evaluations", "show", row.id).exception, NotFoundError)
    undone = CliRunner().invoke(cli, ["evaluations", "undo", made["undo"], "--json"])
    assert json.loads(undone.stdout) == {"ids": [row.id], "undone": "first deleted"}


def test_snippets_are_listed_shown_deleted_and_had_back() -> None:
    made = snippets.create("Fox", "python", "", {"main.py": "print(1)\x1b"})
    assert run("snippets", "list", "fox").stdout == f"{made.id}  python     Fox  version 1\n"
    assert json.loads(CliRunner().invoke(cli, ["snippets", "list", "--json"]).stdout)[0]["name"] == "Fox"
    assert run("snippets", "show", made.id).stdout == "print(1)<U+001B>\n"
    shown = CliRunner().invoke(cli, ["snippets", "show", made.id, "--json"])
    assert json.loads(shown.stdout)["files"] == {"main.py": "print(1)\x1b"}
    deleted = CliRunner().invoke(cli, ["snippets", "delete", made.id, "--json"])
    assert json.loads(deleted.stdout)["id"] == made.id
    assert run("snippets", "list").stdout == "There are no snippets.\n"
    assert json.loads(CliRunner().invoke(cli, ["snippets", "undo", "--json"]).stdout)["ids"] == [made.id]


def test_a_sweep_is_deleted_by_its_name_and_had_back() -> None:
    sweep_id = sweep_of("rates")
    assert "tunesmith sweeps undo" in run("sweeps", "delete", "rates").stdout
    with pytest.raises(NotFoundError):
        sweeps.look_up(sweep_id)
    assert json.loads(CliRunner().invoke(cli, ["sweeps", "undo", "--json"]).stdout)["ids"] == [sweep_id]
    assert isinstance(run("sweeps", "undo").exception, RefusedError)
