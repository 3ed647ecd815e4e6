"""Hashes the files of a version: `python -m engine.workers.registry.hash_files SPEC.json OUT/`. No model is loaded."""

import time
from pathlib import Path
from typing import Any

from engine.process import events
from engine.registry import files
from engine.workers import contract

EVERY_SECONDS = 0.5  # between two words about how far it is


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Result: {"files": {name: {"size", "sha256"}}}. Raises OSError for a file that cannot be read."""
    folders = {prefix: Path(path) for prefix, path in spec["folders"].items()}
    total, said_at = files.size_of(folders), 0.0

    def say(done: int) -> None:
        nonlocal said_at
        if contract.stop_requested(out):
            raise contract.Stopped
        if time.monotonic() - said_at > EVERY_SECONDS:
            said_at = time.monotonic()
            events.append(out, events.Progress(done=done, total=total, stage="reading its files"))

    return {"files": files.hashed(folders, say)}


if __name__ == "__main__":
    contract.run(work)
