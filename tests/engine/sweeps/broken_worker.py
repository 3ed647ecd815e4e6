"""A worker of a sweep on a machine where Optuna is broken."""

from pathlib import Path
from typing import Any

from engine.workers import contract


def work(spec: dict[str, Any], out: Path) -> None:
    raise contract.WorkFailedError("config", "Optuna is not what it should be.", "Install it again.")


if __name__ == "__main__":
    contract.run(work)
