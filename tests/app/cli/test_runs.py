"""`tunesmith runs`: lists, notes, tags, the archive, deletion, undo."""

import json

import pytest
from typer.testing import CliRunner

from app.cli.commands import cli
from engine.errors import RefusedError
from engine.runs import runs
from storage.statuses import RunStatus
from storage.tables import RunFacts
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


def test_a_run_shows_how_long_its_processes_ran_all_attempts_together() -> None:
    earlier = RunFacts(began_at=100.0, seconds_before=60.0)
    again = stored_runs.add("again", attempt=2, facts=earlier, started_at=1000.0, ended_at=1030.0)
    waits = stored_runs.add("waits", RunStatus.QUEUED, attempt=2, facts=earlier)
    assert "took 1:30 min" in run("show", again)
    assert "took 1:00 min" in run("show", waits)
    assert "took" not in run("show", stored_runs.add("new", RunStatus.QUEUED))
    assert json.loads(run("show", again, "--json"))["seconds"] == 90.0


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


def test_all_runs_that_match_are_changed_at_once() -> None:
    sums = [stored_runs.add(f"sums {number}", tags=["math"], created_at=1e9 + number) for number in range(3)]
    going = stored_runs.add("sums, going", RunStatus.QUEUED, tags=["math"])
    other = stored_runs.add("jokes", created_at=1e9)
    away = stored_runs.add("away", archived=True)
    assert "tag: 3 of 3 runs" in run("tag", "old", "--where", "tag=math", "--where", "until=2020-01-01")
    assert [runs.look_up(one).tags for one in (*sums, going, other)] == [["math", "old"]] * 3 + [["math"], []]
    assert "stop: 1 of 1 runs" in run("stop", "--where", "tag=math")  # of those that have ended there is no word
    assert runs.look_up(going).status == RunStatus.STOPPED
    assert "archive: 2 of 2 runs" in run("archive", "--search", "sums", "--where", "since=2001-09-09T01:46:41+00:00",
                                         "--where", "status=succeeded")  # fmt: skip
    assert [runs.look_up(one).archived for one in sums] == [False, True, True]
    assert "favourite: 3 of 3 runs" in run("favourite", "--show", "archived")
    assert runs.look_up(away).favourite
    assert "unfavourite: 1 of 1" in run("favourite", "--off", "--search", "away", "--show", "all")
    assert json.loads(run("stop", "--search", "nothing", "--json")) == {"done": [], "refused": [], "undo": None}


def test_before_all_that_match_are_deleted_it_asks() -> None:
    first, second = stored_runs.add("a", tags=["x"]), stored_runs.add("b", tags=["x"])
    asked = CliRunner().invoke(cli, ["run", "delete", "--where", "tag=x"], input="n\n")
    assert asked.exit_code == 1
    assert "Delete 2 runs with their checkpoints" in asked.output
    assert CliRunner().invoke(cli, ["run", "delete", "--where", "tag=x"]).exit_code == 1  # nobody is there to answer
    assert [runs.look_up(one).deleted_at for one in (first, second)] == [None, None]
    told = json.loads(run("delete", "--where", "tag=x", "--yes", "--json").partition("For 30 s")[0])
    assert sorted(told["done"]) == sorted([first, second])
    assert "2 runs deleted" in run("undo")
    assert CliRunner().invoke(cli, ["run", "delete", "--where", "tag=x"], input="y\n").exit_code == 0


def test_a_filter_that_names_all_or_none_is_refused() -> None:
    first = stored_runs.add("a")
    for wrong in ([], ["--show", "all"], [first, "--search", "a"], ["--where", "since=yesterday"]):
        with pytest.raises(RefusedError):
            run("stop", *wrong)


def _undo_of(told: str) -> str:
    return told.split()[-1]
