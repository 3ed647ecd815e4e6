"""Trainings in several processes, started for tests by the studio's own plan."""

import os
import subprocess
from pathlib import Path
from typing import Any

from engine.process import events
from engine.recipes import launch_command
from engine.recipes.launch_command import LAUNCHER, worker_module
from engine.recipes.recipe import Recipe
from tests.workers.train.training_runs import ROOT
from tests.workers.warm import Program


def start(values: dict[str, Any], out: Path, device: str = "cpu") -> "subprocess.Popen[bytes]":
    """The launcher as the shim starts it, for tests of how processes begin and end."""
    argv, environment = command(values, out, device)
    with (out / "output.log").open("ab") as log:
        return subprocess.Popen(argv, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=environment)


def command(values: dict[str, Any], out: Path, device: str) -> tuple[list[str], dict[str, str]]:
    """The studio's plan, with its files written, and its environment."""
    out.mkdir(parents=True, exist_ok=True)
    plan = launch_command.plan_training(
        Recipe.model_validate(values["recipe"]), values, out, device, launch_command.free_port()
    )
    for path, text in plan.files.items():
        path.write_text(text)
    return plan.argv, os.environ | plan.env | {"OMP_NUM_THREADS": "1"}  # exact sums, and room for other tests


def finish(values: dict[str, Any], out: Path, device: str = "cpu") -> list[events.Event]:
    """Trains to a good end, as the shim would start it, and returns everything that was said."""
    return ended(start(values, out, device), out)


def finish_warm(values: dict[str, Any], out: Path, program: str | None = None) -> list[events.Event]:
    """The same on a CPU with processes that are forked, see tests.workers.warm. `program` stands in for the worker."""
    argv, environment = command(values, out, "cpu")
    worker = worker_module(Recipe.model_validate(values["recipe"]))
    arguments = [program or word if word == worker else word for word in argv[argv.index(LAUNCHER) + 1 :]]
    return ended(Program("tests.workers.warm_launch", arguments, environment, out / "output.log"), out)


def ended(started: "subprocess.Popen[bytes] | Program", out: Path) -> list[events.Event]:
    with started as process:
        assert process.wait(timeout=280) == 0, (out / "output.log").read_text()[-4000:]
    return events.read(out)[0]


def children(pid: int) -> list[int]:
    """The processes it has started, the first one first."""
    return sorted(int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
