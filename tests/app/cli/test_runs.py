"""`tunesmith runs`: lists, notes, tags, the archive, deletion, undo."""

import json

import pytest
from typer.testing import CliRunner

from app.cli.commands import cli
from engine.errors import RefusedError
from engine.runs import runs
from storage.statuses import RunStatus
from tests import stored_runs


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli, ["runs", *arguments])
    if isinstance(result.exception, Exception):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def test_runs_are_listed_with_filters() -> None:
    first = stored_runs.add("sums", tags=["math"], loss=0.5, favourite=True, created_at=1.0)
    stored_runs.add("jokes", RunStatus.FAILED, recipe={"method": "dpo"}, created_at=2.0)
    stored_runs.add("away", archived=True, created_at=3.0)
    lines = run("list").splitlines()
    assert [line.split()[-1] for line in lines] == ["jokes", "#math"]
    assert lines[1].split() == [first, "succeeded", "0.5000", "*", "sums", "#math"]
    for arguments, expected in (
        (["jok"], ["jokes"]),
        (["--where", "status=failed", "--where", "status=stopped"], ["jokes"]),
        (["--where", "tag=math", "--where", "method=sft"], ["sums"]),
        (["--show", "archived"], ["away"]),
        (["--show", "all", "--sort", "name"], ["away", "jokes", "sums"]),
        (["--limit", "1"], ["jokes"]),
    ):
        assert [shown["name"] for shown in json.loads(run("list", *arguments, "--json"))] == expected
    assert "1 more" in run("list", "--limit", "1")
    for wrong in ("status=gone", "colour=red", "tag"):
        with pytest.raises(RefusedError, match="cannot filter"):
            run("list", "--where", wrong)


def test_runs_are_changed_deleted_and_brought_back() -> None:
    first, second = stored_runs.add("a"), stored_runs.add("b", RunStatus.RUNNING)
    run("rename", first, "new name")
    run("note", first, "*mine*")
    run("tag", "x", first, second)
    run("favourite", first)
    run("archive", first, second)
    run("archive", second, "--off")
    shown = json.loads(run("show", first, "--json"))
    assert [shown[field] for field in ("name", "note", "tags", "favourite", "archived")] == [
        "new name", "*mine*", ["x"], True, True,
    ]  # fmt: skip
    assert "*mine*" in run("show", first)
    told = run("delete", first, second, code=1)
    assert "delete: 1 of 2 runs" in told
    assert "Stop it first" in told
    assert "1: new name deleted" in run("undo")
    assert runs.look_up(first).name == "new name"
    run("undo", _undo_of(run("tag", "y", first)))
    assert runs.look_up(first).tags == ["x"]
    run("stop", second)
    assert runs.look_up(second).status == RunStatus.STOPPING


def _undo_of(told: str) -> str:
    return told.split()[-1]
