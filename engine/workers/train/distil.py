"""Learning from a teacher (GKD): `python -m engine.workers.train.distil SPEC.json OUT/`.

As engine.workers.train.sft: light, so that the first event is written before the seconds that torch and TRL take to
import.
"""

import logging
import os
from pathlib import Path
from typing import Any

from engine.workers import contract, lean_imports
from engine.workers.train import sft


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Trains as the spec says and returns the result; see engine.workers.train.family_distil."""
    sft.get_ready(spec, out)
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"  # GKD lives there; the log need not say so every time
    logging.getLogger("trl.experimental.gkd").setLevel(logging.ERROR)  # nor that there is another trainer
    with lean_imports.importing():
        from engine.workers.train import family_distil  # noqa: PLC0415  (seconds; see engine.workers.train.sft)

    return family_distil.train(spec, out)


if __name__ == "__main__":
    contract.run(work)
