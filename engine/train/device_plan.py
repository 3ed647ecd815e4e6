"""Which process works on which device and what each holds, in words: shown before a training is started."""

from collections.abc import Sequence

from engine.process import devices
from engine.recipes.launch_command import layout_for
from engine.recipes.parallelism import Spread
from engine.recipes.recipe import Recipe

MOST_LINES = 8


def lines(recipe: Recipe, available: Sequence[str] | None = None) -> list[str]:
    """One line a process of this machine, then what a step adds up to. Empty for one process alone."""
    if recipe.strategy == "none":
        return []
    device_names = tuple(devices.on_this_machine() if available is None else available)
    layout = layout_for(recipe, device_names)
    first = recipe.machine_rank * layout.processes
    texts = [
        f"Process {first + number} on {_place(device_names, number)}: {_held(recipe, layout)}."
        for number in range(min(layout.processes, MOST_LINES))
    ]
    if (others := layout.processes - MOST_LINES) > 0:
        texts.append(f"And {others} more like these.")
    if layout.machines > 1:
        address = f"{recipe.main_process_ip}:{recipe.main_process_port}"
        texts.append(f"This is machine {recipe.machine_rank} of {layout.machines}; they meet at {address}.")
    return [*texts, _step(recipe, layout)]


def _place(device_names: tuple[str, ...], number: int) -> str:
    if device_names == (devices.CPU,):
        return "the CPU"
    return device_names[number] if number < len(device_names) else "a device that is not there"


def _held(recipe: Recipe, layout: Spread) -> str:
    """What is whole and what is divided, after the strategy's own papers (ZeRO: arXiv:1910.02054)."""
    share = f"1/{layout.world}" if layout.world > 1 else "all"
    divided = {
        "ddp": "a whole copy of the weights, gradients and optimiser",
        "fsdp": f"{share} of the weights, gradients and optimiser",
        "deepspeed_zero1": f"a whole copy of the weights and gradients, {share} of the optimiser",
        "deepspeed_zero2": f"a whole copy of the weights, {share} of the gradients and optimiser",
        "deepspeed_zero3": f"{share} of the weights, gradients and optimiser",
    }[layout.strategy]
    if recipe.offload == "none":
        return divided
    return f"{divided}; {'that share' if layout.divides_weights else 'the optimiser'} waits in the machine's memory"


def _step(recipe: Recipe, layout: Spread) -> str:
    batch, batches = recipe.per_device_train_batch_size, recipe.gradient_accumulation_steps
    total = batch * batches * layout.world
    return f"A step learns from {batch} x {batches} x {layout.world} = {total} rows (batch x accumulation x processes)."
