"""Which process works on which device and what each holds, in words: shown before a training is started."""

from collections.abc import Sequence

from engine.process import devices
from engine.recipes.launch_command import spread
from engine.recipes.parallelism import Spread
from engine.recipes.recipe import Recipe

MOST_LINES = 8


def lines(recipe: Recipe, found: Sequence[str] | None = None) -> list[str]:
    """One line a process of this machine, then what a step adds up to. Empty for one process alone."""
    if recipe.strategy == "none":
        return []
    there = tuple(devices.found() if found is None else found)
    over = spread(recipe, there)
    first = recipe.machine_rank * over.processes
    named = [
        f"Process {first + number} on {_place(there, number)}: {_held(recipe, over)}."
        for number in range(min(over.processes, MOST_LINES))
    ]
    if (more := over.processes - MOST_LINES) > 0:
        named.append(f"And {more} more like these.")
    if over.machines > 1:
        meet = f"{recipe.main_process_ip}:{recipe.main_process_port}"
        named.append(f"This is machine {recipe.machine_rank} of {over.machines}; they meet at {meet}.")
    return [*named, _step(recipe, over)]


def _place(there: tuple[str, ...], number: int) -> str:
    if there == (devices.CPU,):
        return "the CPU"
    return there[number] if number < len(there) else "a device that is not there"


def _held(recipe: Recipe, over: Spread) -> str:
    """What is whole and what is divided, after the strategy's own papers (ZeRO: arXiv:1910.02054)."""
    part = f"1/{over.world}" if over.world > 1 else "all"
    divided = {
        "ddp": "a whole copy of the weights, gradients and optimiser",
        "fsdp": f"{part} of the weights, gradients and optimiser",
        "deepspeed_zero1": f"a whole copy of the weights and gradients, {part} of the optimiser",
        "deepspeed_zero2": f"a whole copy of the weights, {part} of the gradients and optimiser",
        "deepspeed_zero3": f"{part} of the weights, gradients and optimiser",
    }[over.strategy]
    if recipe.offload == "none":
        return divided
    return f"{divided}; {'that share' if over.divides_weights else 'the optimiser'} waits in the machine's memory"


def _step(recipe: Recipe, over: Spread) -> str:
    batch, added = recipe.per_device_train_batch_size, recipe.gradient_accumulation_steps
    total = batch * added * over.world
    return f"A step learns from {batch} x {added} x {over.world} = {total} rows (batch x accumulation x processes)."
