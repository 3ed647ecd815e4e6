"""Learning from own answers, judged by rules (GRPO, RLOO): `python -m engine.workers.train.reinforce SPEC OUT/`.

As engine.workers.train.sft: light, so that the first event is written before the seconds that torch and TRL take to
import.
"""

from pathlib import Path
from typing import Any

from engine.workers import contract, lean_imports
from engine.workers.train import sft


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Trains as the spec says and returns the result; see engine.workers.train.family_reinforce."""
    sft.get_ready(spec, out)
    with lean_imports.importing():
        from engine.workers.train import family_reinforce  # noqa: PLC0415  (seconds; see engine.workers.train.sft)

    return family_reinforce.train(spec, out)


if __name__ == "__main__":
    contract.run(work)
