"""The command line, as a person uses it: its words and its exit status."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.cli import commands
from engine.process import logs
from engine.recipes import recipe
from storage import db
from storage.home import database_file
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model
from tests.engine.exports import trained_runs
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "a-token-for-the-tests"


@dataclass(frozen=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str, **env: str) -> Ended:
    """The command with these arguments, in this process: importing all of it takes longer than most of them."""
    output, errors, code = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        patch.setattr(sys, "argv", ["tunesmith", *arguments])
        for name, value in env.items():
            patch.setenv(name, value)
        try:
            commands.main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            logs.take_down()
    return Ended(code, output.getvalue(), errors.getvalue())


@contextmanager
def started(output: Path, *arguments: str, **env: str) -> "Iterator[subprocess.Popen[bytes]]":
    """The command in the background, ended by SIGTERM when the block ends."""
    command = [sys.executable, "-m", "app", *arguments]
    with output.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | env, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _address(output: Path) -> str:
    lines = [line for line in output.read_text().splitlines() if line.startswith("Tunesmith is at ")]
    return lines[0].removeprefix("Tunesmith is at ") if lines else ""


@pytest.fixture
def queued(tiny_model: Path, tmp_path: Path) -> Path:
    """A recipe in a file, for a model and a dataset that are there."""
    model = Model(source="path", source_id=str(tiny_model), name="tiny", path=str(tiny_model), trainable=True)
    dataset = Dataset(project_id="default", name="texts", kind="text", rows=50, accepted=50)
    model.status, dataset.status = ModelStatus.READY, DatasetStatus.READY
    with db.session() as session:
        session.add_all([model, dataset])
    train_recipe = recipe.Recipe(model_id=model.id, dataset_id=dataset.id, method="cpt", max_length=32, max_steps=1)
    file = tmp_path / "jokes.yaml"
    file.write_text(recipe.to_yaml(train_recipe))
    return file


def test_the_studio_says_where_it_is_and_opens_with_that_address_alone(tmp_path: Path) -> None:
    output = tmp_path / "output"
    with started(output, "--port", "0", "--no-browser") as process:
        address = wait_for(lambda: _address(output), seconds=60)
        with httpx.Client(follow_redirects=True, timeout=60) as browser:
            page = browser.get(address, headers={"accept": "text/html"})
            assert page.status_code == 200
            assert "token" not in str(page.url)
            assert "/static-tunesmith/" in page.text
            assert browser.get(str(page.url.join("/api/runs"))).json() == []
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    log = Path(os.environ["TUNESMITH_HOME"]) / "logs" / "studio.log"
    assert "token=" not in log.read_text()


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 8000])
@pytest.mark.parametrize("command", [("list", "runs"), ("serve", "--port", "0", "--no-browser")])
def test_a_damaged_database_is_said_in_a_sentence(content: bytes, command: tuple[str, ...]) -> None:
    database_file().write_bytes(content)
    ended = run(*command)
    assert ended.returncode == 1
    assert "studio.db is damaged" in ended.stderr
    assert "docs/operations.md" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert database_file().read_bytes() == content


@pytest.mark.parametrize("command", [("list", "runs"), ("serve", "--port", "0", "--no-browser"), ("worker",)])
def test_a_home_that_is_a_file_is_said_in_a_sentence(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = run(*command, TUNESMITH_HOME=str(tmp_path / "file"))
    assert ended.returncode == 1
    assert f"The studio cannot use its folder {tmp_path / 'file'}" in ended.stderr
    assert "Set TUNESMITH_HOME" in ended.stderr


def test_a_taken_port_is_said_with_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        command = [sys.executable, "-m", "app", "--port", str(port), "--no-browser"]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert f"Port {port} is taken" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "env"),
    [(["--host", "0.0.0.0"], {}), (["--share"], {}), ([], {"SPACE_ID": "me/studio"})],
)
def test_it_refuses_to_be_reachable_without_a_password(arguments: list[str], env: dict[str, str]) -> None:
    ended = run("serve", "--port", "0", "--no-browser", *arguments, **env)
    assert ended.returncode == 1
    assert "without a password" in ended.stderr
    assert "TUNESMITH_PASSWORD" in ended.stderr


def test_a_studio_that_runs_takes_the_training_over(tmp_path: Path, queued: Path) -> None:
    output = tmp_path / "output"
    with started(output, "worker"):
        wait_for(lambda: "ready" in output.read_text(), seconds=60)
        ended = run("train", str(queued), "--name", "from the command line")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("run ")
    listed = run("list", "runs").stdout
    assert "from the command line" in listed
    assert ended.stdout.split()[1] in listed


def test_a_recipe_that_does_not_hold_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("model_id: a\ndataset_id: b\nlearning_rat: 1\n")
    ended = run("train", str(file))
    assert ended.returncode == 1
    assert "There is no recipe field `learning_rat`" in ended.stderr
    assert run("train", str(tmp_path / "missing.yaml")).returncode == 1


def test_a_file_is_imported_without_a_studio(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"instruction": "Say hello", "output": "Hello"}\n' * 3 + '{"instruction": "x"}\n')
    ended = run("import", str(file), "--name", "greetings")
    assert ended.returncode == 0, ended.stderr
    assert "accepted 3 repaired 0 rejected 1" in ended.stdout
    assert "greetings" in run("list", "datasets").stdout
    assert run("import", str(tmp_path / "missing.jsonl")).returncode == 1


def test_a_trained_model_is_written_into_a_folder(tmp_path: Path) -> None:
    trained = trained_runs.add_run(tmp_path)
    folder = tmp_path / "taken" / "adapter"
    ended = run("export", trained.id, "--to", str(folder), "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["path"] == str(folder)
    assert (folder / "adapter_model.safetensors").read_text() == "weights" * 100
    assert "# Jokes, v2" in (folder / "README.md").read_text()
    assert [path.name for path in folder.parent.iterdir()] == ["adapter"]
    again = run("export", trained.id, "--to", str(folder))
    assert (again.returncode, "exists already" in again.stderr) == (1, True)
    wrong = run("export", f"{trained.id}@3", "--to", str(tmp_path / "other"))
    assert (wrong.returncode, f"There is: run:{trained.id}." in wrong.stderr) == (1, True)
    assert not (tmp_path / "other").exists()


def test_a_folder_is_added_as_a_model(tiny_model: Path) -> None:
    ended = run("add-model", str(tiny_model), "--json")
    assert ended.returncode == 0, ended.stderr
    assert (json.loads(ended.stdout)["status"], " ready" in ended.stderr) == ("ready", True)
    assert run("list", "models").stdout.split()[1] == "ready"


def test_the_doctor_looks_at_everything_and_is_content() -> None:
    ended = run("doctor")
    for checked in ("Python", "Memory", "Disk", "GPU", "vLLM", "torch works", "gradio", "Sandbox", "no UDP"):
        assert checked in ended.stdout
    assert ended.returncode == 0, ended.stdout


def test_the_doctor_fails_when_torch_is_broken(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('half installed')")
    ended = run("doctor", "--json", PYTHONPATH=str(tmp_path))
    assert ended.returncode == 1
    assert json.loads(ended.stdout)[-1]["detail"] == "cannot be imported; install it again"
