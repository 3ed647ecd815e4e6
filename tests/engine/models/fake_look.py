"""A look at a model that takes no time: `python -m tests.engine.models.fake_look SPEC.json OUT/`.

Fails for a model in a folder called `fails`, in the words of a template that had to be stopped.
"""

import signal
from pathlib import Path
from typing import Any

from engine.workers import contract, limits


def work(spec: dict[str, Any], _out: Path) -> dict[str, Any]:
    if Path(spec["model"]).name == "fails":
        death = limits.death(signal.SIGPROF)
        raise contract.WorkFailedError("config", death.message, death.hint)
    return {"state": spec["state"], "turn_end": "<|im_end|>", "eos": ["<|endoftext|>"], "eos_ids": [2, 0]}


if __name__ == "__main__":
    contract.run(work)
