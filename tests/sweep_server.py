"""A studio in a process of its own that can be killed, and asked over REST while it lives."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from engine.process import process
from storage import home
from tests.conftest import ROOT
from tests.rest import TOKEN


class Studio:
    """`python -m app serve` on a port of its own, with trials that take no time; killed at once, and started again."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api", headers={"authorization": f"Bearer {TOKEN}"}, timeout=60
        )
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.sweep_process", str(self.port)]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)

    def kill(self, again: bool = True) -> None:
        self.process.kill()
        self.process.wait()
        if again:
            self.process = self._start()

    def answers(self) -> bool:
        """Whether it answers yet."""
        try:
            return self.client.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def sweep(self, sweep_id: str) -> dict[str, Any] | None:
        """What it says of a sweep; None while it does not answer yet."""
        try:
            answer = self.client.get(f"/sweeps/{sweep_id}")
        except httpx.TransportError:
            return None
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


def living() -> list[tuple[str, int]]:
    """(role, pid) of every shim and worker that lives: of trials, and of the advice, whose worker is the adviser."""
    processes = []
    for path in [*home.folder("runs").glob("*/shim.json"), *home.folder("work").glob("*/shim.json")]:
        if process.alive(path.parent):
            record = json.loads(path.read_text())
            names = {"shim": "shim", "worker": "worker" if is_run(path.parent) else "adviser"}
            processes += [(name, record[role]) for role, name in names.items() if role in record]
    return processes


def is_run(folder: Path) -> bool:
    return folder.parent == home.folder("runs")
