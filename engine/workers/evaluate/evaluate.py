"""Compares two models on the same rows: `python -m engine.workers.evaluate.evaluate SPEC.json OUT/`.

Spec: what engine.evaluate.spec makes, and `device`. Leaves OUT/rows.jsonl, every row with both answers and all its
scores; the result has the shape of engine.evaluate.shape. Whoever trains, chats or is served goes first.
"""

import os
from pathlib import Path
from typing import Any

from engine.workers import contract, lean_imports

NICE = 19
# OpenMP's threads sleep while they wait: spinning, they would take the cores from what goes first.
QUIETLY = {"OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """The report, as JSON. Raises WorkFailedError with what a person can do, and Stopped."""
    os.nice(NICE)
    os.environ.update(QUIETLY)
    with lean_imports.importing():
        from engine.workers.evaluate import report  # noqa: PLC0415  (torch reads the environment when it is imported)

    return report.write(spec, out)


if __name__ == "__main__":
    contract.run(work)
