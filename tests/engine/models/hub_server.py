"""Starts the fake hub, so that the studio's own workers ask it."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT


@contextlib.contextmanager
def hub_of(repos: Path, log_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub with the repositories in `repos`; what it was asked stands in `log_file`."""
    command = [sys.executable, "-m", "tests.engine.models.fake_hub", str(repos)]
    with log_file.open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    assert server.stdout
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", server.stdout.readline().strip())
    monkeypatch.setenv("HF_HOME", str(log_file.parent / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    try:
        yield
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()
