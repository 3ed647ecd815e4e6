"""Whether this machine can spread the training as the recipe wants it."""

import os
from importlib.util import find_spec

from engine import sizes
from engine.fit import memory
from engine.process import devices
from engine.recipes.launch_command import layout_for
from engine.recipes.parallelism import Spread
from engine.recipes.recipe import Recipe
from engine.train.rules.problem import Problem, Problems
from storage.tables import Dataset, Model


def _places(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if recipe.strategy == "none":
        return
    device_names = devices.on_this_machine()
    layout = layout_for(recipe, device_names)
    if layout.strategy == "ddp" and layout.world == 1:
        hint = "Set num_processes to 2 or more, or strategy to none."
        yield Problem("num_processes", "ddp shares the rows among processes, and there is only one.", hint)
    if device_names == (devices.CPU,):
        yield from _on_cpu(layout)
    elif layout.processes > len(device_names):
        message = f"num_processes is {layout.processes}, and this machine has {len(device_names)} GPUs for a training."
        yield Problem("num_processes", message, f"Use {len(device_names)} or fewer, or 0 for all of them.")


def _offload(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if recipe.strategy == "fsdp" and recipe.offload != "none":
        # Seen on an H100 with TRL 1.16: the head's weights stay in the machine's memory, and the first step fails.
        message = "fsdp with offload ends in its first step: TRL reads the head's weights where FSDP has put them."
        yield Problem("offload", message, "Use the strategy deepspeed_zero3 with offload, or fsdp without.")


def _on_cpu(layout: Spread) -> Problems:
    if layout.strategy == "fsdp":
        message = "fsdp needs a GPU: on a CPU accelerate would silently ignore it."
        yield Problem("strategy", message, "Use ddp to train in several processes on the CPU, or none.")
    elif layout.zero_stage:
        message = f"On a CPU {layout.strategy} saves no memory: the shares of all processes lie in the same one."
        yield Problem("strategy", message, "Use none or ddp, unless you want to try DeepSpeed out.", "warning")
    if layout.processes > (cores := os.cpu_count() or 1):
        message = f"num_processes is {layout.processes}, and this machine has {cores} cores."
        yield Problem("num_processes", message, f"Use {cores} or fewer.")


def _deepspeed(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if recipe.strategy.startswith("deepspeed") and not find_spec("deepspeed"):
        message = f"{recipe.strategy} needs DeepSpeed, which is not installed here."
        yield Problem("strategy", message, "Install it with `pip install 'tunesmith[deepspeed]'`, or use fsdp.")


def _enough_rows(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    layout = layout_for(recipe)
    if layout.world > 1 and 0 < dataset.train_rows < layout.world:
        message = f"There are {layout.world} processes, and {dataset.train_rows} rows to share out."
        yield Problem("num_processes", message, "Use fewer processes, or more rows.")


def _copies(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    """On a CPU the copies of all processes lie in the same memory."""
    layout = layout_for(recipe)
    if layout.strategy != "ddp" or devices.on_this_machine() != (devices.CPU,) or not model.parameters:
        return
    needed, available = memory.training_bytes(model, recipe, SHORT_ROW) * layout.processes, memory.available_bytes()
    if needed > available:
        message = f"{layout.processes} copies of the training need about {sizes.in_words(needed)} of memory; "
        hint = "Use fewer processes: on a CPU they share one memory."
        yield Problem("num_processes", f"{message}about {sizes.in_words(available)} can be used here.", hint)


SHORT_ROW = 32  # tokens: what no training needs less than

RULES = (_places, _offload, _deepspeed, _enough_rows, _copies)
