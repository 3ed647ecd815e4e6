"""The real llama.cpp for tests, installed once a machine by the studio's own command: `python -m tests.llama_runtime`.

It lies in TUNESMITH_TEST_CACHE (see tests/starter.py), in a home of its own named by the hash of its lock and of the
archives that engine.runtimes.kinds pins, so that a new pin is never tested with an old runtime. 89 MB come from PyPI
and npm the first time; without a network the tests that need it fail, and say why.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.runtimes import locks
from engine.runtimes.kinds import KINDS
from tests import tracing
from tests.conftest import ROOT
from tests.starter import cache_folder

BUILD = KINDS["llama"].builds[0]
PROGRAM = "from app.cli.commands import main; main()"


def home() -> Path:
    """The home that has this very runtime."""
    pinned = locks.read(BUILD.lock).text + BUILD.archive_sha256 + BUILD.libraries_sha256
    return cache_folder() / f"llama-{hashlib.sha256(pinned.encode()).hexdigest()[:16]}"


def prepare() -> Path:
    """The folder `runtimes` of that home; installed there unless it was before."""
    place = home()
    with (cache_folder() / "llama.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once install it once
        if not (place / "runtimes" / "llama" / "runtime.json").is_file():
            env = tracing.without(os.environ) | {"TUNESMITH_HOME": str(place)}
            command = [sys.executable, "-c", PROGRAM, "runtime", "install", "llama"]
            done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600, check=False)
            if done.returncode:
                raise RuntimeError(f"llama.cpp could not be installed for the tests: {done.stdout}{done.stderr}")
    return place / "runtimes"


@pytest.fixture(scope="session")
def llama_runtimes() -> Path:
    """A folder of runtimes that has llama.cpp in use. Read only."""
    return prepare()


if __name__ == "__main__":
    print(prepare())
