"""Trainings in several processes, started for tests by the studio's own plan."""

import os
import subprocess
from pathlib import Path
from typing import Any

from engine.process import events
from engine.recipes import launch_command
from engine.recipes.launch_command import worker_module
from engine.recipes.recipe import Recipe
from tests.workers.train.training_runs import ROOT


def start(
    values: dict[str, Any], out: Path, program: str | None = None, device: str = "cpu"
) -> "subprocess.Popen[bytes]":
    """The launcher as the shim starts it. `program` stands in for the worker."""
    out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe.model_validate(values["recipe"])
    plan = launch_command.plan_training(recipe, values, out, device, launch_command.free_port())
    for path, text in plan.files.items():
        path.write_text(text)
    worker = worker_module(recipe)
    argv = [program or argument if argument == worker else argument for argument in plan.argv]
    environment = os.environ | plan.env | {"OMP_NUM_THREADS": "1"}  # exact sums, and room for other tests
    with (out / "output.log").open("ab") as log:
        return subprocess.Popen(argv, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=environment)


def finish(values: dict[str, Any], out: Path, program: str | None = None, device: str = "cpu") -> list[events.Event]:
    """Runs to a good end and returns everything that was said."""
    with start(values, out, program, device) as process:
        assert process.wait(timeout=240) == 0, (out / "output.log").read_text()[-4000:]
    return events.read(out)[0]


def children(pid: int) -> list[int]:
    """The processes it has started, the first one first."""
    return sorted(int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
