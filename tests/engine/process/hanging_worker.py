"""A worker that hangs at once: `python -m tests.engine.process.hanging_worker SPEC.json OUT/`."""

import threading
from pathlib import Path
from typing import Any

from engine.workers import contract


def hang(_spec: dict[str, Any], _out: Path) -> None:
    threading.Event().wait()


if __name__ == "__main__":
    contract.run(hang)
