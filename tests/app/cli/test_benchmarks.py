"""`tunesmith benchmark`: its table, its files, its refusals."""

import csv
import io
import json
from pathlib import Path

import pytest

from storage.tables import Endpoint
from tests import tunable_endpoint, tunable_server
from tests.app.cli.test_commands import run


@pytest.fixture
def endpoint(tmp_path: Path) -> Endpoint:
    return tunable_endpoint.served(str(tmp_path / "s"), "external")


def test_an_endpoint_is_measured_and_shown_as_a_table(tmp_path: Path) -> None:
    with tunable_server.running(tmp_path) as socket:
        tunable_endpoint.served(socket, "external")
        ended = run("benchmark", "jokes", "--concurrency", "1,2", "--prompts", "4", "--output-tokens", "3",
                    "--goodput", "ttft=5000", "--to", str(tmp_path / "found.csv"))  # fmt: skip
        told = run("benchmark", "jokes", "--concurrency", "1", "--prompts", "1", "--output-tokens", "1", "--json")
    assert json.loads(told.stdout)["status"] == "succeeded"
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    head = next(line for line in lines if "tokens/s" in line)
    assert head.split()[:3] == ["req/s", "tokens/s", "goodput/s"]
    levels = [line for line in lines if " at once  " in line]
    assert [line.split()[0] for line in levels] == ["1", "2"]
    assert all(line.split()[-1] == "0" for line in levels)  # failed
    assert "jokes" in lines[0]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "found.csv").read_text())))
    assert [row["completed"] for row in rows] == ["4", "4"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "There is no endpoint `nothing`."),
        (["jokes", "--concurrency", "1,x"], "`1,x` is not a number of requests at once."),
        (["jokes", "--concurrency", "1", "--rate", "2"], "exclude each other"),
        (["jokes", "--goodput", "ttft"], "`ttft` is not an objective."),
        (["jokes", "--to", "found.txt"], "found.txt ends in neither"),
    ],
)
def test_what_cannot_be_measured_is_said(endpoint: Endpoint, arguments: list[str], said: str) -> None:
    assert endpoint.name == "jokes"
    ended = run("benchmark", *arguments)
    assert (ended.returncode, said in ended.stderr) == (1, True), ended.stderr


def test_what_cannot_be_tuned_is_said(endpoint: Endpoint) -> None:
    assert endpoint.name == "jokes"
    for arguments, said in (
        (["--try", "max_num_seqs"], "has no values"),
        ([], "Endpoint `jokes` is served somewhere else."),
    ):
        ended = run("tune-endpoint", "jokes", *arguments)
        assert (ended.returncode, said in ended.stderr) == (1, True), ended.stderr
