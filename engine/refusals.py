"""Early refusal: what is wrong with a recipe, in plain words, before a minute is spent on training.

An error means that the training could not work; a warning, that it would work and probably disappoint. Every problem
names the field, its value and the remedy.
"""

import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from engine import fit, machine, methods, tokens
from engine.errors import RefusedError
from engine.recipe import Recipe
from storage import home
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model

Level = Literal["error", "warning"]

KINDS = {name: method.kinds for name, method in methods.METHODS.items()}  # of dataset that a method learns from
RATES = {"lora": (1e-6, 5e-3), "qlora": (1e-6, 5e-3), "full": (1e-7, 5e-4)}  # outside, hardly anybody has had luck
JUDGED_RATES = {"lora": (1e-7, 5e-4), "qlora": (1e-7, 5e-4), "full": (1e-8, 5e-5)}  # the same, from judged answers
BYTES_PER_TOKEN = 3  # of Parquet text, compressed; English has about 4 bytes a token before compression
SHARE_OF_DISK_WARNED = 0.5
SHARE_LEFT_OUT_WARNED = 0.1  # of the rows


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the recipe's field, what is the matter with its value, and what to do about it."""

    field: str
    message: str
    hint: str = ""
    level: Level = "error"


Found = Iterator[Problem]


def check(recipe: Recipe, model: Model, dataset: Dataset) -> list[Problem]:
    """Everything that speaks against this training, errors first. Reads file headers only; takes milliseconds."""
    found = [problem for rule in RULES for problem in rule(recipe, model, dataset)]
    return sorted(found, key=lambda problem: problem.level != "error")


def refuse(problems: Iterable[Problem]) -> None:
    """Raises RefusedError when there is an error among `problems`; warnings alone pass."""
    errors = [problem for problem in problems if problem.level == "error"]
    if errors:
        message = "\n".join(problem.message for problem in errors)
        raise RefusedError(message, "\n".join(problem.hint for problem in errors if problem.hint))


def total_steps(recipe: Recipe, rows: int) -> int | None:
    """Optimiser steps of the whole training; None when packing leaves that open until the rows are tokenised."""
    if recipe.max_steps > 0:
        return recipe.max_steps
    if recipe.packing:
        return None
    if recipe.method in methods.GENERATING:
        return math.ceil(recipe.num_train_epochs * (rows // prompts_a_step(recipe)))
    batches = math.ceil(training_rows(recipe, rows) / recipe.per_device_train_batch_size)
    return math.ceil(recipe.num_train_epochs * math.ceil(batches / recipe.gradient_accumulation_steps))


def prompts_a_step(recipe: Recipe) -> int:
    """Of a method that answers them itself: its batch counts answers."""
    return recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps // recipe.num_generations


def training_rows(recipe: Recipe, rows: int) -> int:
    return rows - int(rows * recipe.eval_fraction)


def _model(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if model.status == ModelStatus.QUEUED:
        yield Problem("model_id", f"The model {model.name} is still being fetched.", "Start again when it is ready.")
    elif model.status == ModelStatus.FAILED:
        yield Problem("model_id", f"The model {model.name} could not be fetched.", "Retry it on the Models page.")
    elif not model.path or not (Path(model.path) / "config.json").is_file():
        hint = "Put the folder back, or delete the model and add it again."
        yield Problem("model_id", f"The folder of the model {model.name} is gone: {model.path}.", hint)
    elif model.trainable is False:
        reason = model.untrainable_reason or "It cannot be trained here."
        yield Problem("model_id", f"The model {model.name} cannot be trained. {reason}", "Choose another model.")


def _dataset(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    name = dataset.name
    if dataset.status == DatasetStatus.IMPORTING:
        yield Problem("dataset_id", f"The dataset {name} is still being imported.", "Start again when it is ready.")
    elif dataset.status == DatasetStatus.NEEDS_MAPPING:
        yield Problem("dataset_id", f"The dataset {name} has unknown columns.", "Map its columns on the Data page.")
    elif dataset.status == DatasetStatus.FAILED:
        yield Problem("dataset_id", f"The dataset {name} could not be imported.", "Import it again on the Data page.")
    elif dataset.train_rows < 1:
        yield Problem("dataset_id", f"The dataset {name} has no usable row.", "See its rejected rows on the Data page.")
    else:
        yield from _kind(recipe, model, dataset)


def _kind(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    wanted = KINDS[recipe.method]
    if dataset.kind not in wanted:
        others = " or ".join(method for method, kinds in KINDS.items() if dataset.kind in kinds)
        hint = f"Choose the method {others}, or another dataset." if others else "Choose another dataset."
        message = f"The method {recipe.method} learns from {' or '.join(wanted)} rows; {dataset.name} has "
        yield Problem("method", f"{message}{dataset.kind or 'unknown'} rows.", hint)
    elif dataset.kind == "chat" and model.has_chat_template is False:
        hint = "Choose an instruct or chat version of the model, or a dataset of prompts and completions."
        yield Problem("model_id", f"{model.name} has no chat template, so it cannot read the chats.", hint)


def _rows(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    rows = dataset.train_rows
    if rows < 1:
        return
    if recipe.eval_fraction and int(rows * recipe.eval_fraction) < 1:
        hint = f"Use at least {math.ceil(100 / rows) / 100:g}, or 0 to measure no evaluation loss."
        hint = hint if rows > 1 else "Use 0: one row cannot be divided."
        yield Problem("eval_fraction", f"eval_fraction {recipe.eval_fraction:g} of {rows} rows holds out no row.", hint)
    if recipe.method in methods.GENERATING:
        yield from _prompts(recipe, rows)
        return
    left = training_rows(recipe, rows)
    batch = recipe.per_device_train_batch_size
    if batch > left and not recipe.packing:
        message = f"per_device_train_batch_size is {batch}, and only {left} rows are there to train on."
        yield Problem("per_device_train_batch_size", message, f"Use {left} or less.", "warning")


def _prompts(recipe: Recipe, rows: int) -> Found:
    if (wanted := prompts_a_step(recipe)) > rows:
        message = f"A step takes {wanted} prompts, and only {rows} are there."
        yield Problem("gradient_accumulation_steps", message, "Use fewer, or a smaller per_device_train_batch_size.")


def _steps(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if recipe.max_steps == 0:
        hint = "Use -1 to train for num_train_epochs, or a number of steps above 0."
        yield Problem("max_steps", "max_steps is 0, so nothing would be trained.", hint)
        return
    total = total_steps(recipe, dataset.train_rows) if dataset.train_rows else None
    if total and recipe.warmup_steps >= total:
        message = f"warmup_steps is {recipe.warmup_steps}, and the whole training has {total} steps: "
        hint = f"Use {max(total // 10, 0)}, or train for longer."
        yield Problem("warmup_steps", f"{message}the learning rate would never reach its value.", hint)


def _learns(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    """Only where the dataset has been counted: a check reads no rows. The worker looks again, in any case."""
    totals = tokens.counted(recipe, model, dataset)
    if totals is None or not totals["rows"]:
        return
    dropped, rows = totals["dropped"], totals["rows"]
    longer = f"No answer begins within {totals['max_length']} tokens, or the rows have none: raise max_length."
    hint = totals["refusal"] and f"The chat template of {model.name} refuses them: {totals['refusal']}"
    if not totals["kept"]:
        message = f"Nothing of {dataset.name} would be learnt: all of its {rows:,} rows would be left out."
        yield Problem("dataset_id", message, hint or longer)
    elif dropped > SHARE_LEFT_OUT_WARNED * rows:
        message = f"{dropped:,} of the {rows:,} rows of {dataset.name} would be left out."
        yield Problem("dataset_id", message, hint or longer, "warning")


def _length(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    context = model.context_length
    if context and recipe.max_length > context:
        # The worker cuts at the context by itself, so this is no error.
        message = f"max_length is {recipe.max_length} tokens, and {model.name} reads at most {context}: "
        yield Problem("max_length", f"{message}longer rows are cut there.", f"Use {context} or less.", "warning")


def _memory(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if not model.parameters or model.trainable is False:
        return
    available = fit.available_bytes()
    usual = fit.memory(model, recipe, _usual_tokens(recipe, dataset))
    longest = fit.memory(model, recipe)
    where = f"about {fit.in_words(available)} can be used here"
    if usual.total > available:
        message = f"This training needs about {fit.in_words(usual.total)} of memory ({usual}); {where}."
        yield Problem("tuning", message, _less_memory(recipe))
    elif longest.total > available:
        message = f"Rows of {recipe.max_length} tokens would need about {fit.in_words(longest.total)}; {where}."
        yield Problem("max_length", message, f"Should the memory run out: {_less_memory(recipe)}", "warning")


def _usual_tokens(recipe: Recipe, dataset: Dataset) -> int:
    """Tokens of an ordinary row, from the size of the stored file; the recipe's max_length when rows are packed."""
    if recipe.packing:
        return recipe.max_length
    return max(32, dataset.size_bytes // max(dataset.train_rows, 1) // BYTES_PER_TOKEN)


def _less_memory(recipe: Recipe) -> str:
    ways = []
    if recipe.tuning == "full":
        ways.append("tuning lora")
    if recipe.tuning != "qlora" and find_spec("bitsandbytes"):
        ways.append("tuning qlora")
    if (batch := recipe.per_device_train_batch_size) > 1:
        ways.append(f"per_device_train_batch_size below {batch} with more gradient_accumulation_steps")
    if recipe.max_length > 128:
        ways.append(f"a max_length below {recipe.max_length}")
    if not recipe.gradient_checkpointing:
        ways.append("gradient_checkpointing")
    return f"Use {', or '.join(ways)}." if ways else "Use a smaller model."


def _installed(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if find_spec("bitsandbytes"):
        return
    hint = "Install it with `pip install bitsandbytes` where it is available, or "
    if recipe.tuning == "qlora":
        yield Problem("tuning", "qlora needs bitsandbytes, which is not installed here.", f"{hint}use lora.")
    if recipe.optim.endswith("_8bit"):
        message = f"The optimiser {recipe.optim} needs bitsandbytes, which is not installed here."
        yield Problem("optim", message, f"{hint}use adamw_torch.")


def _lora(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if recipe.tuning == "full" or recipe.target_modules.strip() == "all-linear" or not model.path:
        return
    layers = fit.linear_layers(fit.inspect_cached(model.path))
    missing = [
        name for name in fit.targets(recipe.target_modules) if not any(fit.is_target(one, name) for one in layers)
    ]
    if layers and (missing or not fit.targets(recipe.target_modules)):
        known = ", ".join(sorted({name.rpartition(".")[2] for name in layers})[:20])
        message = f"target_modules names {', '.join(missing) or 'nothing'}, which {model.name} does not have."
        yield Problem("target_modules", message, f"Use all-linear, or some of: {known}.")


def _rate(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    method = methods.METHODS[recipe.method]
    low, high = (RATES if method.rates == methods.METHODS["sft"].rates else JUDGED_RATES)[recipe.tuning]
    rate = recipe.learning_rate
    if low <= rate <= high:
        return
    what, then = ("high", "the loss may rise instead of fall") if rate > high else ("low", "hardly anything is learnt")
    hint = f"Good starts: {_as_typed(method.rate(recipe.tuning))} for {recipe.method} with {recipe.tuning}."
    yield Problem("learning_rate", f"learning_rate {rate:g} is unusually {what}: {then}.", hint, "warning")


def _as_typed(rate: float) -> str:
    """2e-5 rather than 2e-05."""
    return f"{rate:.0e}".replace("e-0", "e-")


def _disk(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
    if not model.parameters or model.trainable is False:
        return
    # One more than is kept: the newest is written before the oldest goes; and the result beside them.
    needed = fit.checkpoint_bytes(model, recipe) * (recipe.save_total_limit + 2)
    free = shutil.disk_usage(home.home()).free
    level: Level = "error" if needed > free else "warning"
    if needed > free * SHARE_OF_DISK_WARNED:
        message = f"The checkpoints will take about {fit.in_words(needed)} of disk; {fit.in_words(free)} are free."
        hint = f"Free some space, or use a save_total_limit below {recipe.save_total_limit}, or tuning lora."
        yield Problem("save_total_limit", message, hint, level)


def _device(recipe: Recipe, model: Model, dataset: Dataset) -> Found:
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


RULES: tuple[Callable[[Recipe, Model, Dataset], Found], ...] = (
    _model,
    _dataset,
    _rows,
    _steps,
    _learns,
    _length,
    _memory,
    _installed,
    _lora,
    _rate,
    _disk,
    _device,
)
