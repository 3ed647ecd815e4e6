"""How a run's script is started: in one process or several, here or on machines in a cloud."""

import shlex
from dataclasses import dataclass

from engine.errors import RefusedError, TunesmithError
from engine.recipes import launch_command
from engine.runs.script.told import Told
from engine.serve import adapter_names
from engine.train import sky
from storage import db, endpoints
from storage.statuses import EndpointStatus

HERE = "127.0.0.1"


@dataclass(frozen=True)
class Command:
    """One way to start a script. `about` says when it is the right one."""

    title: str
    about: str
    text: str


def commands(told: Told, file: str) -> list[Command]:
    """The commands that start the script in `file`, the plainest first."""
    recipe, processes = told.recipe, told.facts.processes or 1
    if recipe.strategy == "none":
        return [
            Command("uv", "It installs the packages that the script's head names.", shlex.join(["uv", "run", file])),
            Command("python", "Where the packages of the requirements are installed.", shlex.join(["python", file])),
            Command("accelerate", "The same by accelerate.", _accelerate(told, file, 1)),
        ]
    machines = recipe.num_machines
    meeting = (recipe.main_process_ip or HERE, recipe.main_process_port)
    arguments = launch_command.launch_arguments(processes // machines, machines, recipe.machine_rank, meeting)
    about = "On each machine, with its own node-rank." if machines > 1 else "As many processes as the run had."
    launches = [Command("torchrun", about, shlex.join(["torchrun", *arguments, file]))]
    if told.on_cpu:  # `accelerate launch --cpu` starts one process, whatever it is told
        return launches
    return [*launches, Command("accelerate", about, _accelerate(told, file, processes))]


def _accelerate(told: Told, file: str, processes: int) -> str:
    recipe = told.recipe
    options = ["--num_processes", str(processes), "--num_machines", str(recipe.num_machines)]
    options += ["--mixed_precision", "bf16" if told.is_bf16 else "no", "--dynamo_backend", "no"]
    if recipe.num_machines > 1:
        options += ["--machine_rank", str(recipe.machine_rank), "--main_process_ip", recipe.main_process_ip]
        options += ["--main_process_port", str(recipe.main_process_port)]
    if processes > 1:
        options.append("--multi_gpu")
    return shlex.join(["accelerate", "launch", *options, *(["--cpu"] if told.on_cpu else []), file])


def cloud_task(told: Told) -> str:
    """The run's recipe as a SkyPilot task; it runs the studio's own worker.

    Raises NotFoundError when its model or dataset was deleted, RefusedError where it does not suit.
    """
    recipe = told.recipe
    if told.hides_paths:
        raise RefusedError("The task names folders of this machine, which visitors do not see.", "")
    count = max(1, (told.facts.processes or 1) // recipe.num_machines)
    return sky.for_recipe(recipe, f"H100:{count}")


def cloud_task_or_reason(told: Told) -> tuple[str, str]:
    """The task, or else why there is none."""
    try:
        return cloud_task(told), ""
    except TunesmithError as error:
        return "", str(error)


def served_names(run_id: str) -> list[tuple[str, str]]:
    """(endpoint's id, public name) of every name under which the run's weights answer now."""
    with db.reading() as session:
        ready = [(endpoint, row) for endpoint, row in endpoints.routes(session) if row.status == EndpointStatus.READY]
    return [
        (endpoint.id, name)
        for endpoint, row in ready
        if run_id in adapter_names.run_ids(row.adapters)
        for name in adapter_names.names_of(endpoint.name, row.adapters, run_id)
    ]
