"""A worker on a machine where a library is broken: it fails at once, and says why."""

from pathlib import Path
from typing import Any

from engine.workers import contract


def work(spec: dict[str, Any], out: Path) -> None:
    raise contract.WorkFailedError("config", "The library is not what it should be.", "Install it again.")


if __name__ == "__main__":
    contract.run(work)
