"""`tunesmith runtime` without a running studio: it waits, says how far it is, and ends with 1 when it failed."""

from pathlib import Path

import pytest

from tests.app.cli.test_commands import run
from tests.engine.runtimes.tiny_runtime import BREAKS, Shelf


def test_an_installation_is_waited_for_and_a_failed_one_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wheels").mkdir()
    shelf = Shelf(tmp_path / "wheels", monkeypatch)
    shelf.offer("1.0")
    assert "can be installed: a tiny runtime 1.0" in run("runtime", "list").stdout
    done = run("runtime", "install", "quantize")
    assert (done.returncode, done.stderr) == (0, "")
    assert "downloads " in done.stdout
    assert "1.0 is in use" in done.stdout
    shelf.offer("1.1", BREAKS)
    broken = run("runtime", "install", "quantize")
    assert broken.returncode == 1
    assert "does not work here: RuntimeError: made for another processor" in broken.stderr
    assert "1.0 installed" in run("runtime", "list").stdout
    assert "made for another processor" in run("runtime", "log", "quantize").stdout
    assert run("runtime", "uninstall", "quantize").stdout == "quantize is removed.\n"
    assert run("runtime", "back", "quantize").returncode == 1
