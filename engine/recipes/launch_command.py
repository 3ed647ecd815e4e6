"""How a training is spread: how many processes, on which devices, and the one command that starts them all. Pure.

    python -m engine.workers.train.launch --nproc-per-node 2 ... -m engine.workers.train.sft SPEC OUT

`engine.workers.train.launch` is `torch.distributed.run` (torchrun) with the same arguments; it only ends as its first
failed process did, so that a kill looks like a kill. `accelerate launch --cpu` is not used: it starts one process.
"""

import json
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.process import devices
from engine.process.plan import WORKERS, Plan, plan_worker
from engine.recipes.parallelism import Spread
from engine.recipes.recipe import Recipe

LAUNCHER = "engine.workers.train.launch"
HERE = "127.0.0.1"
PORT_SHOWN = "PORT"  # in a preview: a free one is looked for when the training starts


def layout_for(recipe: Recipe, available: Sequence[str] | None = None) -> Spread:
    """How a training of this recipe would be spread over the devices `available` (default: this machine's)."""
    if recipe.strategy == "none":
        return Spread("none", 1, 1)
    device_names = devices.on_this_machine() if available is None else available
    return Spread(recipe.strategy, recipe.num_processes or len(device_names), recipe.num_machines)


def devices_wanted(recipe: Recipe, available: Sequence[str] | None = None) -> int:
    """How many devices of this machine the training takes; the CPU is one, however many processes share it."""
    device_names = devices.on_this_machine() if available is None else available
    return 1 if tuple(device_names) == (devices.CPU,) else layout_for(recipe, device_names).processes


def plan_training(recipe: Recipe, spec: dict[str, Any], out: Path, device: str, port: int | str = PORT_SHOWN) -> Plan:
    """The command of a run on `device` (one, or several separated by commas), with every file it reads.

    `port` is where the processes of one machine meet; several machines meet at the recipe's main_process_port.
    """
    if recipe.strategy == "none":
        return plan_worker(recipe.method, spec, out, devices.environment(device))
    layout = layout_for(recipe, device.split(","))
    files = (
        {}
        if (strategy_settings := settings(recipe)) is None
        else {out / f"{settings_name(recipe)}.json": strategy_settings}
    )
    spec = spec | {"world_size": layout.world, "strategy_file": next((str(file) for file in files), None)}
    single = plan_worker(recipe.method, spec, out)
    meeting_point = (recipe.main_process_ip, recipe.main_process_port) if layout.machines > 1 else (HERE, port)
    arguments = launch_arguments(layout.processes, layout.machines, recipe.machine_rank, meeting_point)
    return Plan(
        argv=[sys.executable, "-m", LAUNCHER, *arguments, *single.argv[1:]],
        env=devices.environment(device) | environment(layout),
        files=single.files | {file: json.dumps(content, indent=2) for file, content in files.items()},
    )


def launch_arguments(
    processes: int | str, machines: int | str, rank: int | str, meeting_point: tuple[str, int | str]
) -> list[str]:
    """What torchrun is told. Its rendezvous is the static one: the dynamic one reads pickles from the network."""
    options = {"nproc-per-node": processes, "nnodes": machines, "node-rank": rank}
    options |= {"master-addr": meeting_point[0], "master-port": meeting_point[1]}
    return [argument for name, value in options.items() for argument in (f"--{name}", str(value))]


def environment(layout: Spread) -> dict[str, str]:
    """The cores are shared out, and the processes of one machine talk over its loopback alone."""
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // layout.processes))}
    one_machine = layout.machines == 1 and sys.platform == "linux"
    return threads | ({"GLOO_SOCKET_IFNAME": "lo"} if one_machine else {})


def free_port() -> int:
    """A port nobody listens at now, on the loopback address."""
    with socket.socket() as listener:
        listener.bind((HERE, 0))
        return int(listener.getsockname()[1])


def settings_name(recipe: Recipe) -> str:
    """What the file with the strategy's settings is called."""
    return recipe.strategy.partition("_")[0]


def settings(recipe: Recipe) -> dict[str, Any] | None:
    """FSDP's or DeepSpeed's settings, as transformers reads them; None for a strategy without any."""
    if recipe.strategy == "fsdp":
        return _fsdp(recipe)
    return _deepspeed(recipe) if recipe.strategy.startswith("deepspeed") else None


def _fsdp(recipe: Recipe) -> dict[str, Any]:
    """transformers' fsdp_config. FULL_STATE_DICT, because its files are read by torch.load(weights_only=True)."""
    return {
        "version": 2,
        "reshard_after_forward": recipe.reshard_after_forward,
        "cpu_offload": recipe.offload == "cpu",
        "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "state_dict_type": "FULL_STATE_DICT",
    }


def _deepspeed(recipe: Recipe) -> dict[str, Any]:
    """DeepSpeed's own format; transformers fills in what is auto. The optimiser stays torch's: nothing is compiled."""
    stage = layout_for(recipe, (devices.CPU,)).zero_stage
    zero: dict[str, Any] = {"stage": stage}
    if recipe.offload == "cpu":
        zero |= {name: {"device": "cpu"} for name in ("offload_optimizer", *["offload_param"] * (stage == 3))}
    if stage == 3:
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    auto = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps", "gradient_clipping")
    return {
        "zero_optimization": zero,
        "bf16": {"enabled": "auto"},
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        **dict.fromkeys(auto, "auto"),
    }


def worker_module(recipe: Recipe) -> str:
    """The program each process runs."""
    return WORKERS[recipe.method]
