"""A model of the hub, fetched by the real worker and the real client from a hub that is a program of ours."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.process import events
from engine.weights.inspection import inspect
from tests.conftest import ROOT
from tests.engine.models.fake_hub import COMMIT
from tests.engine.weights import model_folders


@pytest.fixture
def repos(tmp_path: Path) -> Path:
    """Where the fake hub keeps its repositories; owner/name is one that can be trained."""
    repo = model_folders.make(tmp_path / "repos" / "owner" / "name")
    for name in ("pytorch_model.bin", "model.gguf", "consolidated.safetensors", "run_me.py"):
        (repo / name).write_bytes(b"never fetched")
    return tmp_path / "repos"


@pytest.fixture
def hub(repos: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a worker that knows that hub."""
    with (tmp_path / "requests.log").open("w") as log:
        command = [sys.executable, "-m", "tests.engine.models.fake_hub", str(repos)]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert server.stdout
    address = server.stdout.readline().strip()
    keep = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    yield keep | {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1"}
    server.terminate()
    server.wait()
    server.stdout.close()


def fetch(tmp_path: Path, env: dict[str, str], repo: str = "owner/name") -> events.Event:
    """Runs the worker to its end; its last event."""
    out, spec = tmp_path / "out", tmp_path / "spec.json"
    spec.write_text(json.dumps({"source": "hub", "source_id": repo}))
    command = [sys.executable, "-m", "engine.workers.models.fetch", str(spec), str(out)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    last = events.read(out)[0][-1]
    assert (done.returncode == 0) == isinstance(last, events.Finished), done.stderr
    return last


def failed(tmp_path: Path, env: dict[str, str], repo: str = "owner/name") -> events.Failed:
    last = fetch(tmp_path, env, repo)
    assert isinstance(last, events.Failed)
    assert last.hint
    assert not (tmp_path / "out" / "files").exists()
    return last


def requests(tmp_path: Path) -> str:
    return (tmp_path / "requests.log").read_text()


def test_only_safetensors_config_and_tokenizer_are_fetched_at_one_commit(tmp_path: Path, hub: dict[str, str]) -> None:
    last = fetch(tmp_path, hub)
    assert isinstance(last, events.Finished)
    assert (last.result["revision"], last.result["from"]) == (COMMIT, "hub:owner/name")
    files = Path(last.result["path"])
    assert sorted(path.name for path in files.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert inspect(files).trainable
    assert "run_me.py" not in requests(tmp_path)


def test_the_token_comes_from_the_environment_alone(tmp_path: Path, hub: dict[str, str]) -> None:
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_of_the_person_at_this_machine")
    fetch(tmp_path, hub)
    assert " token\n" not in requests(tmp_path)
    fetch(tmp_path, hub | {"HF_TOKEN": "hf_given"})
    assert " token\n" in requests(tmp_path)


def test_what_a_broken_download_had_finished_is_not_fetched_again(
    tmp_path: Path, hub: dict[str, str], repos: Path
) -> None:
    repo = repos / "owner" / "name"
    index = {"weight_map": {"a.weight": "model-1.safetensors", "b.weight": "model-2.safetensors"}}
    (repo / "model.safetensors").unlink()
    (repo / "model.safetensors.index.json").write_text(json.dumps(index))
    (repo / "model-1.safetensors").write_bytes(model_folders.safetensors({"a.weight": (4, 4)}))
    whole = model_folders.safetensors({"b.weight": (2, 2)})
    (repo / "model-2.safetensors").write_bytes(whole)
    (repo / "lying").touch()
    assert "arrived incomplete" in failed(tmp_path, hub).message
    half = tmp_path / "out/part/.cache/huggingface/download/x.incomplete"
    half.write_bytes(b"left by a kill")
    (repo / "lying").unlink()
    before = requests(tmp_path)
    last = fetch(tmp_path, hub)
    assert isinstance(last, events.Finished)
    assert (Path(last.result["path"]) / "model-2.safetensors").read_bytes() == whole
    assert "GET /owner/name/resolve" in before
    assert f"GET /owner/name/resolve/{COMMIT}/tokenizer.json" not in requests(tmp_path).removeprefix(before)


@pytest.mark.parametrize(
    ("repo", "category", "words"),
    [
        ("owner/nothing", "config", "no model owner/nothing"),
        ("a/b/c", "config", "not the name of a model on the hub"),
    ],
)
def test_a_model_that_is_not_there_is_said(
    tmp_path: Path, hub: dict[str, str], repo: str, category: str, words: str
) -> None:
    last = failed(tmp_path, hub, repo)
    assert last.category == category
    assert words in last.message


@pytest.mark.parametrize(
    ("state", "category", "words", "hint"),
    [
        ("gated", "config", "is gated", "HF_TOKEN"),
        ("broken", "network", "The hub answered", "Retry"),
        ("adapter_config.json", "config", "is an adapter", "base model"),
    ],
)
def test_a_repository_that_cannot_be_had_says_why(
    tmp_path: Path, hub: dict[str, str], repos: Path, state: str, category: str, words: str, hint: str
) -> None:
    (repos / "owner" / "name" / state).write_text("{}")
    last = failed(tmp_path, hub)
    assert last.category == category
    assert words in last.message
    assert hint in last.hint


@pytest.mark.parametrize(
    ("missing", "left", "words"),
    [
        (("model.safetensors", "pytorch_model.bin"), "model.gguf", "GGUF files only"),
        (("model.safetensors", "model.gguf"), "pytorch_model.bin", "pickle weights only"),
        (("model.safetensors", "model.gguf", "pytorch_model.bin"), "README.md", "no weights"),
        (("config.json",), "model.safetensors", "no config.json"),
    ],
)
def test_a_repository_without_what_is_needed_is_refused_before_the_weights_are_fetched(
    tmp_path: Path, hub: dict[str, str], repos: Path, missing: tuple[str, ...], left: str, words: str
) -> None:
    for name in missing:
        (repos / "owner" / "name" / name).unlink()
    assert (repos / "owner" / "name" / left).exists()
    assert words in failed(tmp_path, hub).message
    assert "/resolve/" not in requests(tmp_path)


def test_a_model_with_its_own_code_is_refused_before_the_weights_are_fetched(
    tmp_path: Path, hub: dict[str, str], repos: Path
) -> None:
    model_folders.make(repos / "owner" / "name", auto_map={"AutoModelForCausalLM": "run_me.Evil"}, model_type="evil")
    assert "its own code" in failed(tmp_path, hub).message
    assert "model.safetensors" not in requests(tmp_path)


def test_a_disk_without_room_is_said_before_the_download(tmp_path: Path, hub: dict[str, str]) -> None:
    env = hub | {"PYTHONPATH": str(_tiny_disk(tmp_path))}
    last = failed(tmp_path, env)
    assert last.category == "disk"
    assert "500 MB to spare; 1 MB is free" in last.message
    assert "model.safetensors" not in requests(tmp_path)


def _tiny_disk(tmp_path: Path) -> Path:
    """A sitecustomize that makes the disk look full, for a worker that is a process of its own."""
    code = "import shutil\nshutil.disk_usage = lambda p: shutil._ntuple_diskusage(10**9, 10**9 - 10**6, 10**6)\n"
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return folder


def test_without_a_network_the_way_out_is_named(tmp_path: Path, hub: dict[str, str]) -> None:
    last = failed(tmp_path, hub | {"HF_ENDPOINT": "http://127.0.0.1:9"})
    assert last.category == "network"
    assert "cannot be reached" in last.message
    assert "local folder" in last.hint
    offline = failed(tmp_path, hub | {"HF_HUB_OFFLINE": "1"})
    assert offline.category == "network"
    assert "HF_HUB_OFFLINE" in offline.message
