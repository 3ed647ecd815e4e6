"""A Python environment of its own: made, filled from a lock, mended where its packages are known to break."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.runtimes.kinds import TORCH_CPU_INDEX, Build
from engine.runtimes.locks import Lock
from engine.workers.contract import WorkFailedError
from engine.workers.runtimes.pip import Pip

# No package brings others along, none is built here: the lock has all of them, each with the sha256 of its file.
ONLY_THESE = ("install", "--no-deps", "--only-binary=:all:")


def make(folder: Path, log: Path) -> None:
    """An empty environment of the studio's Python. pip stays outside: the studio's own fills it."""
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        with log.open("a", encoding="utf-8") as file:
            file.write(done.stdout + done.stderr)
        words = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        hint = "Install the module venv of this Python (package python3-venv on Debian and Ubuntu), then retry."
        raise WorkFailedError("config", f"No environment could be made: {words[0][:300]}", hint)


def python(folder: Path) -> Path:
    return folder / "bin" / "python"


def install(lock: Lock, folder: Path, pip: Pip) -> None:
    """Everything in the lock. pip takes a file only when its sha256 is in the lock."""
    pip.run(pip.only_these(lock, "requirements"), python(folder))


def install_torch(build: Build, folder: Path, pip: Pip) -> str | None:
    """torch's build for CPUs, by its version; the sha256 of what came, which the index has vouched for."""
    report = pip.out / "torch.json"
    index = ["--extra-index-url", TORCH_CPU_INDEX, "--retries", "1", "--report", str(report)]
    pip.run([*ONLY_THESE, *index, f"torch=={build.torch}"], python(folder))
    archives: list[dict[str, Any]] = [
        item["download_info"].get("archive_info", {}) for item in json.loads(report.read_bytes())["install"]
    ]
    return next((archive.get("hashes", {}).get("sha256") for archive in archives), None)


def mend(build: Build, folder: Path) -> None:
    """Writes the description of a package whose code looks for itself under another name than it was published."""
    if not build.stub:
        return
    fields = dict(line.split(": ", 1) for line in build.stub.strip().splitlines())
    site = next((folder / "lib").glob("python3*/site-packages"))
    description = site / f"{fields['Name']}-{fields['Version']}.dist-info"
    description.mkdir(exist_ok=True)
    (description / "METADATA").write_text(build.stub, encoding="utf-8")


def stand_for(own: Path, folder: Path) -> None:
    """A folder whose Python is one that this machine has: whoever looks under the home finds it there too.

    A link would not do: an environment is found from the path by which its Python was called.
    """
    program = python(folder)
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(str(own.absolute()))} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
