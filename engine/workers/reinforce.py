"""Learning from the model's own answers, judged by rules (GRPO, RLOO): `python -m engine.workers.reinforce SPEC OUT/`.

As engine.workers.sft: light, so that the first event is written before the seconds that torch and TRL take to import.
"""

from pathlib import Path
from typing import Any

from engine.workers import contract, sft


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Trains as the spec says and returns the result; see engine.workers.training_reinforce."""
    sft.get_ready(spec, out)
    from engine.workers import training_reinforce  # noqa: PLC0415  (seconds; see engine.workers.sft)

    return training_reinforce.train(spec, out)


if __name__ == "__main__":
    contract.run(work)
