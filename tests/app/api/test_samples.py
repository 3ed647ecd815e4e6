"""Answers on the way and fixed prompts, over REST and on the command line."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from app.cli.commands import cli
from engine.errors import TunesmithError
from tests.engine.runs.test_samples import answers, one_run, take_in

ASKED = ["What is 2 plus 2?", "Tell a joke.", "Who are you?"]


def test_the_answers_of_a_run_are_a_list_and_nothing_else(owner: TestClient) -> None:
    run = one_run("r1")
    assert owner.get("/api/runs/r1/samples").json() == []
    take_in(run, answers(0, "a", "b"), answers(5, "c", "d"))
    answer = owner.get("/api/runs/r1/samples")
    assert answer.json()[0] == {"step": 0, "prompt": "p0", "answer": "a", "tokens": 1}
    assert [one["answer"] for one in answer.json()] == ["a", "b", "c", "d"]
    assert answer.headers["X-Total-Count"] == "4"
    assert [one["answer"] for one in owner.get("/api/runs/r1/samples?offset=1&limit=2").json()] == ["b", "c"]
    assert owner.get("/api/runs/gone/samples").status_code == 404


def test_the_prompts_of_a_project_are_read_and_replaced(owner: TestClient) -> None:
    address = "/api/projects/default/prompts"
    assert owner.get(address).json() == {"prompts": []}
    assert owner.put(address, json={"prompts": ASKED}).json() == {"prompts": ASKED}
    refused = owner.put(address, json={"prompts": ASKED[:2]})
    assert refused.status_code == 422
    assert refused.json()["error"]["message"] == "2 prompts are too few."
    assert owner.put(address, json={"prompts": [*ASKED, 5]}).status_code == 422
    assert owner.put(address, json={"texts": []}).status_code == 422
    assert owner.get(address).json() == {"prompts": ASKED}
    assert owner.put("/api/projects/gone/prompts", json={"prompts": []}).status_code == 404


def run_cli(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_answers_and_prompts_on_the_command_line(home: Path) -> None:
    run = one_run("r1")
    assert run_cli("samples", "r1") == "There are no answers.\n"
    take_in(run, answers(0, "a\x1b[2J", "b"), answers(5, "c", "d"))
    assert run_cli("samples", "run:r1", "--step", "0") == "Step 0\n  p0\n    a [2J\n  p1\n    b\n"
    assert [one["step"] for one in json.loads(run_cli("samples", "r1", "--last", "--json"))] == [5, 5]
    file = home / "prompts.json"
    file.write_text(json.dumps(ASKED))
    assert json.loads(run_cli("prompts", "--set", str(file))) == json.loads(run_cli("prompts")) == ASKED
    file.write_text('{"a": 1}')
    with pytest.raises(TunesmithError, match="a list of texts"):
        run_cli("prompts", "--set", str(file))
