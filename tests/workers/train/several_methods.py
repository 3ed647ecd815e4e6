"""A worker for tests that does one training after another in the same processes: importing takes longer than they do.

Spec: as of a training, with {"trainings": {name: values}}; each goes into OUT/NAME.
"""

import gc
from pathlib import Path
from typing import Any

from engine.workers import contract, ranks
from engine.workers.train import sft


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    sft.get_ready(spec, out)
    from engine.process import events  # noqa: PLC0415
    from engine.workers import group  # noqa: PLC0415
    from engine.workers.fit import steps as fit_steps  # noqa: PLC0415
    from engine.workers.train import training  # noqa: PLC0415

    for name, changes in spec["trainings"].items():
        folder = out / name
        folder.mkdir(exist_ok=True)
        values = {**spec, **changes}  # what the plan has added
        family = fit_steps.FAMILIES[values["recipe"]["method"]]
        events.append(folder, events.Finished(result=training.train(values, folder, family)))
        gc.collect()  # what belongs to the group has to go before it
        group.wait()
    return {"first": ranks.first()}


if __name__ == "__main__":
    contract.run(work)
