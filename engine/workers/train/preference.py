"""Learning from judged answers (DPO, KTO, ORPO, ...): `python -m engine.workers.train.preference SPEC.json OUT/`.

As engine.workers.train.sft: light, so that the first event is written before the seconds that torch and TRL take to
import.
"""

import os
from pathlib import Path
from typing import Any

from engine.workers import contract, lean_imports
from engine.workers.train import sft


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Trains as the spec says and returns the result; see engine.workers.train.family_preference."""
    sft.get_ready(spec, out)
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"  # ORPO and CPO live there; the log need not say so every time
    with lean_imports.importing():
        from engine.workers.train import family_preference  # noqa: PLC0415  (seconds; see engine.workers.train.sft)

    return family_preference.train(spec, out)


if __name__ == "__main__":
    contract.run(work)
