"""A training as a SkyPilot task: one YAML that runs it on machines in a cloud, `sky launch task.yaml`.

SkyPilot copies the folders named in `file_mounts` to every machine, runs `setup` there, and tells `run` about the
others: SKYPILOT_NODE_IPS (a line each, the first is machine 0), SKYPILOT_NODE_RANK, SKYPILOT_NUM_NODES and
SKYPILOT_NUM_GPUS_PER_NODE. The worker and its spec are the ones of this studio; only paths differ.
"""

import json
import re
from functools import lru_cache
from importlib import metadata
from typing import Any

import yaml

from engine.data import datasets
from engine.errors import RefusedError
from engine.models import models
from engine.process import process
from engine.recipes import launch_command
from engine.recipes.parallelism import Spread
from engine.recipes.recipe import Recipe
from engine.train import spec as training_spec
from storage.tables import Dataset, Model

ACCELERATORS = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,31}:[1-9][0-9]?")
HOME = "~/tunesmith"
END = "TUNESMITH_FILE"  # ends a file inside `run`; JSON has no line that is this word alone
# What the worker imports. Versions are those of this studio, so that the training is the same.
NEEDED = (
    *(
        "torch",
        "transformers",
        "trl",
        "peft",
        "accelerate",
        "datasets",
        "pyarrow",
        "numpy",
        "safetensors",
        "bitsandbytes",
    ),
    *("pydantic", "pyyaml", "jsonschema", "orjson", "psutil", "rensa"),
)
TARGETS = {
    "model_path": "model",
    "adapter_path": "adapter",
    "dataset_path": "rows.parquet",
    "held_out_path": "held_out.parquet",
}


def task_yaml(recipe: Recipe, model: Model, dataset: Dataset, accelerators: str = "H100:1") -> str:
    """The task's YAML. `accelerators` is SkyPilot's NAME:COUNT, for each machine.

    Raises RefusedError when they are not that, or do not suit the recipe.
    """
    _check(recipe, accelerators)
    head = "# A training of Tunesmith. Start it with `sky launch THIS_FILE`; the result is in ~/tunesmith/run.\n"
    return head + yaml.dump(task(recipe, model, dataset, accelerators), Dumper=_Readable, sort_keys=False)


def _check(recipe: Recipe, accelerators: str) -> None:
    if not ACCELERATORS.fullmatch(accelerators):
        hint = "Write the kind of GPU and how many of them a machine has, such as H100:8."
        raise RefusedError(f"{accelerators!r:.60} is not a kind and number of GPUs.", hint)
    if recipe.strategy == "none" and _count(accelerators) > 1:
        hint = "Choose a strategy, such as ddp or fsdp, or one GPU."
        raise RefusedError(f"The recipe trains in one process, and {accelerators} are several GPUs.", hint)


def _count(accelerators: str) -> int:
    return int(accelerators.partition(":")[2])


def task(recipe: Recipe, model: Model, dataset: Dataset, accelerators: str) -> dict[str, Any]:
    """The fields of SkyPilot's task."""
    layout = Spread(recipe.strategy, _count(accelerators), recipe.num_machines)
    spec, mounts = _moved(training_spec.of(recipe, model, dataset) | {"device": "cuda:0", "memory": {}})
    mounts[f"{HOME}/code/engine"] = str(process.ROOT / "engine")  # all that a worker imports of the studio
    return {
        "name": f"tunesmith-{recipe.method}",
        "resources": {"accelerators": accelerators},
        "num_nodes": layout.machines,
        "file_mounts": mounts,
        "setup": f"python -m pip install --quiet {' '.join(_requirements(recipe))}\n",
        "run": _run(recipe, spec, layout),
    }


def _moved(spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The spec with paths on the other machine, and what has to be copied there."""
    mounts: dict[str, str] = {}

    def moved(path: str, place: str) -> str:
        mounts[f"{HOME}/{place}"] = path
        return place

    moved_spec = {
        name: moved(value, TARGETS[name]) if value and name in TARGETS else value for name, value in spec.items()
    }
    if companion := spec.get("companion"):
        companion_paths = {name: path and moved(path, f"companion-{name}") for name, path in companion.items()}
        moved_spec["companion"] = companion_paths
    return moved_spec, mounts


def _requirements(recipe: Recipe) -> list[str]:
    packages = (*NEEDED, "deepspeed") if recipe.strategy.startswith("deepspeed") else NEEDED
    return [_requirement(name) for name in packages]


@lru_cache(maxsize=64)
def _requirement(name: str) -> str:
    """The version that is installed here; what is missing here is taken as it comes."""
    try:
        return f"{name}=={metadata.version(name).partition('+')[0]}"
    except metadata.PackageNotFoundError:
        return name


def _run(recipe: Recipe, spec: dict[str, Any], layout: Spread) -> str:
    """A script of fixed lines; what comes from the recipe stands in quoted here-documents, as JSON."""
    files = {"spec.json": spec}
    if layout.strategy != "none":
        spec |= {"world_size": layout.world}
    if (settings := launch_command.settings(recipe)) is not None:
        spec["strategy_file"] = f"run/{launch_command.settings_name(recipe)}.json"
        files[f"{launch_command.settings_name(recipe)}.json"] = settings
    file_lines = [line for name, content in files.items() for line in _file_lines(f"run/{name}", content)]
    lines = ["set -e", f"cd {HOME}", "mkdir -p run", *file_lines, "export PYTHONPATH=$PWD/code"]
    return "\n".join([*lines, *_start(recipe, layout)]) + "\n"


def _file_lines(path: str, content: dict[str, Any]) -> list[str]:
    return [f"cat > {path} <<'{END}'", json.dumps(content, indent=1), END]


def _start(recipe: Recipe, layout: Spread) -> list[str]:
    worker = f"-m {launch_command.worker_module(recipe)} run/spec.json run"
    if layout.strategy == "none":
        return [f"python {worker}"]
    meeting_point = ('"$FIRST"', recipe.main_process_port)
    arguments = launch_command.launch_arguments(
        "$SKYPILOT_NUM_GPUS_PER_NODE", "$SKYPILOT_NUM_NODES", "$SKYPILOT_NODE_RANK", meeting_point
    )
    first = 'FIRST=$(echo "$SKYPILOT_NODE_IPS" | head -n 1)'
    return [first, f"python -m {launch_command.LAUNCHER} {' '.join(arguments)} {worker}"]


class _Readable(yaml.SafeDumper):
    """Text of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)


def for_recipe(recipe: Recipe, accelerators: str = "H100:1") -> str:
    """`task_yaml` with what the recipe names. Raises NotFoundError for a model or dataset that is not there."""
    return task_yaml(recipe, models.look_up(recipe.model_id), datasets.look_up(recipe.dataset_id), accelerators)
