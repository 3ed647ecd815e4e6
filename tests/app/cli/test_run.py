"""`tunesmith run`, `model`, `chat` and `serve-run`, as a person types them who knows only names."""

import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from app.cli.runs import following
from engine.process import plan
from engine.runs import runs
from engine.serve import backends, endpoints
from storage.statuses import RunStatus
from storage.tables import Run
from tests import stored_runs
from tests.app.cli.test_commands import run
from tests.engine import table_rows
from tests.serving import bring_up, end_all, finished_run, ready_model


def test_a_run_is_followed_to_its_end_and_its_log_and_recipe_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    table_rows.furnish(monkeypatch, steps=3)
    run_id = runs.start_run("my sums", table_rows.RECIPE).id
    followed = run("run", "follow", "my sums", "--json")
    assert followed.returncode == 0, followed.stderr
    told = [json.loads(line) for line in followed.stdout.splitlines()]
    assert (told[-1]["id"], told[-1]["status"], told[-1]["step"]) == (run_id, "succeeded", 3)
    assert [one["step"] for one in told] == sorted(one["step"] for one in told)
    last = followed.stderr.splitlines()[-1]
    assert last.startswith("succeeded  [########################] 100%  step 3/3  loss ")
    assert "model_id: m1  # m\n" in run("run", "recipe", "my sums").stdout
    assert "model_id: m\n" in run("run", "recipe", run_id, "--names").stdout
    assert run("run", "log", "my sums").returncode == 0
    (*_changes, end) = map(json.loads, run("run", "log", "my sums", "--follow", "--json").stdout.splitlines())
    assert (end["id"], end["status"], end["step"]) == (run_id, "succeeded", 3)
    resumed = run("run", "resume", "my sums")
    assert (resumed.returncode, "is succeeded" in resumed.stderr) == (1, True)


def test_the_old_spelling_works_and_a_failed_run_ends_with_one() -> None:
    stored_runs.add("broken", RunStatus.FAILED, error="It fell over.", hint="Pick it up.")
    assert run("runs", "show", "broken").stdout == run("run", "show", "broken").stdout
    followed = run("run", "follow", "broken")
    assert followed.returncode == 1
    assert "It fell over.\nPick it up." in followed.stderr


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        ({}, "queued  step 0/?"),
        ({"status": "running", "step": 5, "max_steps": 20, "loss": 0.5, "tokens_per_second": 1234.0, "eta_seconds": 75},
         "running  [######..................]  25%  step 5/20  loss 0.5000  1,234 tokens/s  1:15 min left"),
        ({"status": "running", "step": 1, "max_steps": 9000, "eta_seconds": 7300},
         "running  [........................]   0%  step 1/9,000  2 h 01 min left"),
        ({"status": "succeeded", "step": 20, "max_steps": 20, "eta_seconds": 0},
         "succeeded  [########################] 100%  step 20/20"),
    ],
)  # fmt: skip
def test_a_run_is_a_bar_in_a_line(columns: dict[str, object], line: str) -> None:
    row = Run(project_id="default", name="r", model_id="m", dataset_id="d", recipe={})
    for name, value in columns.items():
        setattr(row, name, RunStatus(str(value)) if name == "status" else value)
    assert following.progress(row) == line


def test_models_are_listed_added_and_deleted_by_name(tiny_model: Path) -> None:
    added = run("model", "add", str(tiny_model), "--json")
    assert added.returncode == 0, added.stderr
    name = json.loads(added.stdout)["name"]
    assert name in run("model", "list").stdout
    assert [model["name"] for model in json.loads(run("model", "list", "--json").stdout)] == [name]
    assert "is deleted" in run("model", "delete", name).stdout
    gone = run("model", "delete", name)
    assert (gone.returncode, f"There is no model `{name}`." in gone.stderr) == (1, True)
    assert tiny_model.is_dir(), "a folder of somebody's stays"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setattr(backends, "SETTLE_SECONDS", 0)
    model = ready_model()
    bring_up(endpoints.create_endpoint("jokes", model_id=model.id))
    yield finished_run(model).name
    end_all()


def test_a_served_model_is_asked_in_the_terminal_and_a_run_is_served_by_its_name(served: str) -> None:
    asked = run("chat", "jokes", "hello", "--json")
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert answer["model"] == "jokes"
    assert run("chat", "jokes", "hello").stdout == answer["answer"] + "\n"
    assert "hello" in answer["answer"]
    wrong = run("chat", "joks", "hello")
    assert (wrong.returncode, "Did you mean `jokes`?" in wrong.stderr) == (1, True)
    done = run("serve-run", served, "--name", "puns", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "puns"


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",), ("list", "models"), ("run", "list"), ("data", "list"), ("data", "show", "rows"),
        ("data", "versions", "rows"),
        ("model", "list"), ("endpoint", "list"), ("queue",), ("presets",), ("registry", "list"),
        ("registry", "clean-up"),
        ("links", "list", "mine"), ("notify", "list"), ("notify", "log"), ("runtime", "list"), ("verify",), ("repair",),
    ],
)  # fmt: skip
def test_what_is_printed_for_people_is_printed_for_programs_too(arguments: tuple[str, ...]) -> None:
    stored_runs.add("mine")
    printed = run(*arguments, "--json")
    assert printed.returncode in (0, 1), printed.stderr
    assert isinstance(json.loads(printed.stdout), list | dict)


def test_the_version_and_a_shells_completion_are_printed() -> None:
    assert run("--version").stdout == f"tunesmith {metadata.version('tunesmith')}\n"
    offered = run(_TUNESMITH_COMPLETE="complete_bash", COMP_WORDS="tunesmith run fo", COMP_CWORD="2")
    assert offered.stdout.split() == ["follow"]
    assert "complete" in run("--show-completion", "bash", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1").stdout
