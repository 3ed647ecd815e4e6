"""`tunesmith runtime` without a running studio: it waits, says how far it is, and ends with 1 when it failed."""

import json
from pathlib import Path

import pytest

from app.cli import runtime
from tests.app.cli.test_commands import run
from tests.engine.runtimes.tiny_runtime import BREAKS, Shelf


def test_what_building_takes_is_said_with_the_download() -> None:
    facts: dict[str, object] = {"download_bytes": 1_000_000, "disk_bytes": 2_000_000, "build_minutes": 9}
    assert runtime._needs(facts) == " (downloads 1 MB, needs 2 MB of free disk, builds for about 9 min)"


def test_an_installation_is_waited_for_and_a_failed_one_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wheels").mkdir()
    shelf = Shelf(tmp_path / "wheels", monkeypatch)
    shelf.offer("1.0")
    assert "can be installed: a tiny runtime 1.0" in run("runtime", "list").stdout
    done = run("runtime", "install", "quantize", "--json")
    assert done.returncode == 0, done.stderr
    assert "downloads " in done.stderr
    assert json.loads(done.stdout)["installed"]["version"] == "1.0"
    shelf.offer("1.1", BREAKS)
    broken = run("runtime", "install", "quantize")
    assert broken.returncode == 1
    assert "does not work here: RuntimeError: made for another processor" in broken.stderr
    assert "1.0 installed" in run("runtime", "list").stdout
    assert "made for another processor" in run("runtime", "log", "quantize").stdout
    assert json.loads(run("runtime", "uninstall", "quantize", "--json").stdout) == {"kind": "quantize", "removed": True}
    assert run("runtime", "back", "quantize").returncode == 1
