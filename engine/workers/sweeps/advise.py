"""Says what a sweep tries next and which trials end early: `python -m engine.workers.sweeps.advise SPEC.json OUT/`.

Lives as long as its sweep. Answers each question in OUT/questions with a file in OUT/answers (engine.sweeps.exchange),
and ends when asked to stop, or when nobody has asked for ten minutes.
"""

import os
import time
from pathlib import Path
from typing import Any

from engine.sweeps import exchange
from engine.workers import contract

IDLE_SECONDS, LOOK_SECONDS, CLEAN_SECONDS = 600, 0.05, 60
NICENESS = 5  # a training on the same machine goes first


def work(spec: dict[str, Any], out: Path) -> None:
    """Answers until it is told to stop, or nobody asks. Raises Stopped then: it never comes to an end of its own."""
    from engine.workers.sweeps import advice  # noqa: PLC0415  (a broken install becomes a Failed event)

    idle_seconds = float(spec.get("idle_seconds", IDLE_SECONDS))
    asked = cleaned = time.monotonic()
    while not contract.stop_requested(out) and time.monotonic() < asked + idle_seconds:
        for question in exchange.waiting(out):
            exchange.reply(out, advice.on(question))
            asked = time.monotonic()
        if time.monotonic() > cleaned + CLEAN_SECONDS:
            exchange.drop_old(out)
            cleaned = time.monotonic()
        time.sleep(LOOK_SECONDS)
    raise contract.Stopped


if __name__ == "__main__":
    os.nice(NICENESS)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # a Gaussian process of a few hundred trials wants no GPU
    contract.run(work)
