"""Whether this machine can spread the training as the recipe wants it."""

import os
from importlib.util import find_spec

from engine import sizes
from engine.fit import memory as fit
from engine.process import devices
from engine.recipes.launch_command import spread
from engine.recipes.parallelism import Spread
from engine.recipes.recipe import Recipe
from engine.train.rules.problem import Found, Problem
from storage.tables import Dataset, Model


def _places(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if recipe.strategy == "none":
        return
    found = devices.found()
    over = spread(recipe, found)
    if over.strategy == "ddp" and over.world == 1:
        hint = "Set num_processes to 2 or more, or strategy to none."
        yield Problem("num_processes", "ddp shares the rows among processes, and there is only one.", hint)
    if found == (devices.CPU,):
        yield from _on_cpu(over)
    elif over.processes > len(found):
        message = f"num_processes is {over.processes}, and this machine has {len(found)} GPUs for a training."
        yield Problem("num_processes", message, f"Use {len(found)} or fewer, or 0 for all of them.")


def _offload(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if recipe.strategy == "fsdp" and recipe.offload != "none":
        # Seen on an H100 with TRL 1.16: the head's weights stay in the machine's memory, and the first step fails.
        message = "fsdp with offload ends in its first step: TRL reads the head's weights where FSDP has put them."
        yield Problem("offload", message, "Use the strategy deepspeed_zero3 with offload, or fsdp without.")


def _on_cpu(over: Spread) -> Found:
    if over.strategy == "fsdp":
        message = "fsdp needs a GPU: on a CPU accelerate would silently ignore it."
        yield Problem("strategy", message, "Use ddp to train in several processes on the CPU, or none.")
    elif over.zero_stage:
        message = f"On a CPU {over.strategy} saves no memory: the shares of all processes lie in the same one."
        yield Problem("strategy", message, "Use none or ddp, unless you want to try DeepSpeed out.", "warning")
    if over.processes > (cores := os.cpu_count() or 1):
        message = f"num_processes is {over.processes}, and this machine has {cores} cores."
        yield Problem("num_processes", message, f"Use {cores} or fewer.")


def _deepspeed(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if recipe.strategy.startswith("deepspeed") and not find_spec("deepspeed"):
        message = f"{recipe.strategy} needs DeepSpeed, which is not installed here."
        yield Problem("strategy", message, "Install it with `pip install 'tunesmith[deepspeed]'`, or use fsdp.")


def _enough_rows(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    over = spread(recipe)
    if over.world > 1 and 0 < dataset.train_rows < over.world:
        message = f"There are {over.world} processes, and {dataset.train_rows} rows to share out."
        yield Problem("num_processes", message, "Use fewer processes, or more rows.")


def _copies(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    """On a CPU the copies of all processes lie in the same memory."""
    over = spread(recipe)
    if over.strategy != "ddp" or devices.found() != (devices.CPU,) or not model.parameters:
        return
    needed, there = fit.training_bytes(model, recipe, SHORT_ROW) * over.processes, fit.available_bytes()
    if needed > there:
        message = f"{over.processes} copies of the training need about {sizes.in_words(needed)} of memory; "
        hint = "Use fewer processes: on a CPU they share one memory."
        yield Problem("num_processes", f"{message}about {sizes.in_words(there)} can be used here.", hint)


SHORT_ROW = 32  # tokens: what no training needs less than

RULES = (_places, _offload, _deepspeed, _enough_rows, _copies)
