"""The script of a small real training, run by itself, and the numbers of both, step by step."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.process import events
from engine.recipes import launch_command
from engine.runs.script import frame, told
from engine.runs.script.told import Told
from storage.statuses import RunStatus
from storage.tables import DEFAULT_PROJECT, Run, RunFacts
from tests.workers.train.training_runs import finish, only, steps
from tests.workers.warm import Program

Points = dict[int, dict[str, float]]
COMPARED = ("loss", "eval_loss", "reward", "eval_reward")
ROUNDING = 1e-6  # what is left of a loss that is zero, as where rewards count by their distance from the mean


def trained(values: dict[str, Any], out: Path) -> tuple[Told, Points]:
    """The studio's own training: what a script is told of it, and its numbers."""
    recorded = finish(values, out)
    return told_of(values, out, recorded), steps(recorded)


def told_of(values: dict[str, Any], out: Path, recorded: list[events.Event]) -> Told:
    """As the studio knows the run from its database."""
    points, result = steps(recorded), only(recorded, events.Finished).result
    run = Run(
        name="a run",
        project_id=DEFAULT_PROJECT,
        model_id="tiny",
        dataset_id="rows",
        recipe=values["recipe"],
        status=RunStatus.SUCCEEDED,
        step=result["steps"],
        max_steps=only(recorded, events.Started).total_steps,
        facts=RunFacts.model_validate(only(recorded, events.Started).facts),
    )
    evaluated = tuple(step for step, numbers in points.items() if {"eval_loss", "eval_reward"} & set(numbers))
    return told.of_folder(run, out, evaluated)


def played(text: str, folder: Path, fresh: bool = False) -> Points:
    """Runs a script in a folder of its own and returns its numbers. `fresh`: by a new interpreter."""
    folder.mkdir()
    file, log = folder / "script.py", folder / "output.log"
    file.write_text(text, encoding="utf-8")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    if fresh:
        environment.pop("PYTHONPATH", None)
        with log.open("wb") as output:
            command = [sys.executable, "-P", str(file)]
            ended = subprocess.run(command, cwd=folder, env=environment, stdout=output, stderr=output, check=False)
            code = ended.returncode
    else:
        with Program("tests.workers.script.execute", [str(file)], environment, log) as process:
            code = process.wait(timeout=280)
    assert code == 0, log.read_text()[-3000:]
    return numbers(folder)


def played_in_two(text: str, folder: Path) -> Points:
    """The same by torchrun, in two processes on this machine."""
    folder.mkdir()
    (folder / "script.py").write_text(text, encoding="utf-8")
    arguments = launch_command.launch_arguments(2, 1, 0, ("127.0.0.1", launch_command.free_port()))
    arguments += ["-m", "tests.workers.script.execute", str(folder / "script.py")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "GLOO_SOCKET_IFNAME": "lo"}
    with Program("tests.workers.warm_launch", arguments, environment, folder / "output.log") as process:
        assert process.wait(timeout=280) == 0, (folder / "output.log").read_text()[-3000:]
    return numbers(folder)


def compare(ours: Points, theirs: Points, near: float) -> None:
    """Holds every loss and reward of the run against the script's; `near` is a share of it, 0 to the last digit."""
    found = {
        (step, name): (value, theirs.get(step, {}).get(name))
        for step, values in ours.items()
        for name, value in values.items()
        if name in COMPARED
    }
    assert found
    far = {at: pair for at, pair in found.items() if not _is_close(*pair, near)}
    assert far == {}


def _is_close(ours: float, theirs: float | None, near: float) -> bool:
    return theirs is not None and math.isclose(ours, theirs, rel_tol=near, abs_tol=ROUNDING if near else 0.0)


def numbers(folder: Path) -> Points:
    """What a script has written, by step."""
    points: Points = {}
    for line in (folder / "trained" / "losses.jsonl").read_text().splitlines():
        values = json.loads(line)
        points.setdefault(values.pop("step"), {}).update(values)
    return points


def script_in(told: Told, folder: Path) -> str:
    """The script, writing into that folder."""
    return frame.script(told).replace("OUTPUT = 'trained'", f"OUTPUT = {str(folder / 'trained')!r}")


def played_all(scripts: dict[str, Told], folder: Path) -> dict[str, Points]:
    """Runs several scripts in one process, which imports once, and returns the numbers of each by its name."""
    files = []
    for name, run in scripts.items():
        (folder / name).mkdir(parents=True)
        files.append(folder / name / "script.py")
        files[-1].write_text(script_in(run, folder / name), encoding="utf-8")
    log, environment = folder / "output.log", os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with Program("tests.workers.script.execute", [*map(str, files)], environment, log) as process:
        code = process.wait(timeout=280)
    assert code == 0, log.read_text()[-3000:]
    return {name: numbers(folder / name) for name in scripts}
