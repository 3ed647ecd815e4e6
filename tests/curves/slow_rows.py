"""The worker of SFT on rows that are slow to read: `python -m tests.curves.slow_rows SPEC.json OUT/`."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.workers import contract
from engine.workers.train import sft

SECONDS_A_ROW = 0.02


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """As engine.workers.train.sft, from a disk that answers late."""
    sft.get_ready(spec, out)
    from engine.workers.train import training  # noqa: PLC0415  (as the worker itself does)

    def trainer(spec: Any, base: Any, rows: Any, out: Path) -> Any:
        made = training.SUPERVISED.trainer(spec, base, rows, out)
        collate = made.data_collator

        def late(examples: list[Any]) -> Any:
            time.sleep(SECONDS_A_ROW * len(examples))
            return collate(examples)

        made.data_collator = late
        return made

    return training.train(spec, out, replace(training.SUPERVISED, trainer=trainer))


if __name__ == "__main__":
    contract.run(work)
