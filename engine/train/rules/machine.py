"""Whether this machine can do it: memory, disk, libraries, arithmetic."""

import shutil
from importlib.util import find_spec

from engine import sizes
from engine.fit import disk, memory, past_probes
from engine.fit.measurement import Measured, Trial
from engine.fit.usual_tokens import usual_tokens
from engine.process import machine
from engine.recipes.choices.commas import words
from engine.recipes.recipe import Recipe
from engine.sandbox import sandbox
from engine.train.rules.problem import Level, Problem, Problems
from storage import home
from storage.tables import Dataset, Model

SHARE_OF_DISK_WARNED = 0.5
FLASH = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}  # and its module
COMPILERS = ("c++", "g++", "clang++")  # one of which torch.compile calls


def _memory(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if not model.parameters or model.trainable is False:
        return
    probe = past_probes.find(recipe)
    if probe and probe.measured and probe.trial:
        yield from _measured(recipe, probe.measured, probe.trial)
        return
    available = memory.available_bytes()
    usual = memory.memory(model, recipe, _usual_tokens(recipe, dataset))
    longest = memory.memory(model, recipe)
    limit = f"about {sizes.in_words(available)} can be used here"
    if usual.total > available:
        message = f"Estimated: this training needs about {sizes.in_words(usual.total)} of memory ({usual}); {limit}."
        yield Problem("tuning", message, _less_memory(recipe))
    elif longest.total > available:
        message = f"Estimated: rows of {recipe.max_length} tokens need about {sizes.in_words(longest.total)}; {limit}."
        yield Problem("max_length", message, f"If memory runs out: {_less_memory(recipe)}", "warning")


def _measured(recipe: Recipe, measured: Measured, trial: Trial) -> Problems:
    """What real steps have shown, whatever the estimate would say."""
    if trial.fits:
        return
    available = sizes.in_words(measured.available_bytes)
    message = f"Measured: the longest rows of the dataset do not fit into the {available} that could be used."
    suggestion = measured.suggestion
    fields = suggestion.fields if suggestion else {}
    changes = ", ".join(f"{name} {str(value).lower()}" for name, value in fields.items())
    yield Problem("per_device_train_batch_size", message, f"Use {changes}." if changes else _less_memory(recipe))


def _usual_tokens(recipe: Recipe, dataset: Dataset) -> int:
    """Tokens of an ordinary row, from the size of the stored file; the recipe's max_length when rows are packed."""
    if recipe.packing:
        return recipe.max_length
    return usual_tokens(dataset)


def _less_memory(recipe: Recipe) -> str:
    options = []
    if recipe.tuning == "full":
        options.append("tuning lora")
    if recipe.tuning != "qlora" and find_spec("bitsandbytes"):
        options.append("tuning qlora")
    if (batch := recipe.per_device_train_batch_size) > 1:
        options.append(f"per_device_train_batch_size below {batch} with more gradient_accumulation_steps")
    if recipe.max_length > 128:
        options.append(f"a max_length below {recipe.max_length}")
    if recipe.gradient_checkpointing is False:  # left open, it is on already where it helps
        options.append("gradient_checkpointing")
    return f"Use {', or '.join(options)}." if options else "Use a smaller model."


def _disk(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if not model.parameters or model.trainable is False:
        return
    needed = disk.disk(model, recipe, dataset.train_rows, usual_tokens(dataset))
    free = home.free_bytes()
    level: Level = "error" if needed.total > free else "warning"
    if needed.total > free * SHARE_OF_DISK_WARNED:
        size = sizes.in_words(needed.total)
        message = f"Estimated: the run will take about {size} of disk ({needed}); {sizes.in_words(free)} is free."
        hint = f"Free some space, or use a save_total_limit below {recipe.save_total_limit}, or tuning lora."
        yield Problem("save_total_limit", message, hint, level)


def _device(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if recipe.bf16 and not machine.computes_bf16():
        hint = "Leave bf16 empty to let the device decide."
        if machine.has_gpu():
            yield Problem("bf16", "bf16 is on, and the GPU of this machine has no bfloat16.", hint)
        else:
            message = "bf16 is on, and this CPU has no bfloat16: it is emulated, slower than float32."
            yield Problem("bf16", message, hint, "warning")
    if recipe.packing and not machine.has_gpu():
        hint = "Leave packing off and use train_sampling_strategy group_by_length."
        yield Problem("packing", "Packing is slower than group_by_length on a CPU.", hint, "warning")


def _computing(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    """What is faster only where it can be had; engine.workers.train.compute looks again on the device itself."""
    attn = recipe.attn_implementation or ""
    if attn in FLASH and not (machine.has_gpu() and find_spec(FLASH[attn])):
        message = (
            f"attn_implementation is {attn}, which needs a GPU and the package {FLASH[attn]}; one is missing here."
        )
        yield Problem(
            "attn_implementation", message, "Leave attn_implementation empty: it then takes the best there is."
        )
    if recipe.use_liger_kernel and not (machine.has_gpu() and find_spec("liger_kernel")):
        message = "use_liger_kernel is on, which needs a GPU and the package liger-kernel; one is missing here."
        yield Problem("use_liger_kernel", message, "Leave use_liger_kernel empty: it is then used where it can be.")
    if recipe.use_liger_kernel and recipe.torch_compile:
        message = "use_liger_kernel and torch_compile are both on, and torch cannot trace Liger's kernels."
        yield Problem("use_liger_kernel", message, "Choose one of them; each makes the same layers faster.")
    if recipe.torch_compile and not any(map(shutil.which, COMPILERS)):
        message = "torch_compile is on, and there is no C++ compiler on this machine for it."
        yield Problem("torch_compile", message, "Install g++, or turn torch_compile off.")


def _reward_code(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    """A function that nobody has read runs in a sandbox or not at all."""
    if "python" not in words(recipe.reward_funcs):
        return
    means = sandbox.means()
    if not means.name:
        message = f"reward_code has no sandbox to run in on this machine ({means.in_a_line})."
        hint = "Install bubblewrap, or use other reward_funcs. `tunesmith doctor` says what was tried."
        yield Problem("reward_funcs", message, hint)


RULES = (_memory, _disk, _device, _computing, _reward_code)
SIZES = (_memory, _disk)  # whether it fits: what a probe is for
