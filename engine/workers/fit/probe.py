"""Real steps of a training before it starts: `python -m engine.workers.fit.probe SPEC.json OUT/`.

Spec: as of a training (engine.runs.supervision), with {"seconds", "hard_seconds"}: after the first no further step is
tried, after the second the process ends itself, with what it knows. Leaves nothing in OUT but its result.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from engine.workers import contract, lean_imports
from engine.workers.train import sft

SCRATCH = "scratch"


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Returns engine.fit.measurement.Measured as a dict. Raises WorkFailedError when the training could not begin."""
    started = time.monotonic()
    sft.get_ready(spec, out)
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    with lean_imports.importing():
        from engine.workers.fit import steps  # noqa: PLC0415  (seconds; see engine.workers.train.sft)

    scratch = out / SCRATCH
    scratch.mkdir(exist_ok=True)
    try:
        return steps.measured(spec, out, scratch, started).model_dump()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    contract.run(work)
