"""Whether there are enough rows for the batches, and steps for the warm-up."""

import math

from engine.data import row_counts
from engine.recipes import methods, steps
from engine.recipes.recipe import Recipe
from engine.recipes.validation.checkpoints import NEED_HELD_OUT
from engine.train.rules.problem import Problem, Problems
from storage.tables import Dataset, Model


def _rows(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    rows = row_counts.learnt_rows(recipe, model, dataset)
    if rows < 1:
        return
    if recipe.eval_fraction and int(rows * recipe.eval_fraction) < 1:
        hint = f"Use at least {math.ceil(100 / rows) / 100:g}, or 0 to measure no evaluation loss."
        hint = hint if rows > 1 else "Use 0: one row cannot be divided."
        yield Problem("eval_fraction", f"eval_fraction {recipe.eval_fraction:g} of {rows} rows holds out no row.", hint)
    if recipe.method in methods.GENERATING:
        yield from _prompts(recipe, steps.training_rows(recipe, rows))
        return
    training_rows = steps.training_rows(recipe, rows)
    batch = recipe.per_device_train_batch_size
    if batch > training_rows and not recipe.packing:
        message = f"per_device_train_batch_size is {batch}, and there are only {training_rows} rows to train on."
        yield Problem("per_device_train_batch_size", message, f"Use {training_rows} or less.", "warning")


def _prompts(recipe: Recipe, rows: int) -> Problems:
    answers = steps.rows_a_step(recipe)
    if answers % recipe.num_generations:
        message = f"A step has {answers} answers on this machine's devices, which is not a multiple of num_generations "
        hint = f"Use a divisor of {answers}, or another per_device_train_batch_size."
        yield Problem("num_generations", f"{message}{recipe.num_generations}.", hint)
    elif (prompts := steps.prompts_a_step(recipe)) > rows:
        message = f"A step takes {prompts} prompts, and there are only {rows}."
        yield Problem("gradient_accumulation_steps", message, "Use fewer, or a smaller per_device_train_batch_size.")


def _enough_steps(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    if recipe.max_steps == 0:
        hint = "Use -1 to train for num_train_epochs, or a number of steps above 0."
        yield Problem("max_steps", "max_steps is 0, so nothing would be trained.", hint)
        return
    rows = row_counts.learnt_rows(recipe, model, dataset)
    total = steps.total_steps(recipe, rows) if rows else None
    if total and recipe.warmup_steps >= total:
        message = f"warmup_steps is {recipe.warmup_steps}, and the whole training has {total} steps: "
        hint = f"Use {max(total // 10, 0)}, or train for longer."
        yield Problem("warmup_steps", f"{message}the learning rate would never reach its value.", hint)


def _held_out(recipe: Recipe, model: Model, dataset: Dataset) -> Problems:
    """What compares models on held-out rows needs some."""
    rows = dataset.train_rows
    if recipe.eval_fraction is not None or rows < 2 or steps.held_out(recipe, rows).parts:
        return
    fields = type(recipe).model_fields
    needing = [name for name in NEED_HELD_OUT if getattr(recipe, name) != fields[name].default]
    needing += ["lr_scheduler_type"] if recipe.lr_scheduler_type == "reduce_lr_on_plateau" else []
    if needing:
        message = f"{needing[0]} looks at held-out rows, and of {rows} rows none are held out by default."
        share = min(0.5, max(0.1, math.ceil(100 / rows) / 100))
        hint = f"Set eval_fraction to a share, such as {share:g}, or leave out {needing[0]}."
        yield Problem("eval_fraction", message, hint, instead={"eval_fraction": share})


RULES = (_rows, _held_out, _enough_steps)
