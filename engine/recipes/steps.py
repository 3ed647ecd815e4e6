"""How long a training is: rows, prompts and optimiser steps, before a row is read."""

import math

from engine.recipes import launch_command, methods
from engine.recipes.recipe import Recipe
from engine.rows.heldout.amount import Amount, held_out_amount


def total_steps(recipe: Recipe, rows: int) -> int | None:
    """Optimiser steps of the whole training; None when packing leaves that open until the rows are tokenised."""
    if recipe.max_steps > 0:
        return recipe.max_steps
    if recipe.packing:
        return None
    if recipe.method in methods.GENERATING:
        return math.ceil(recipe.num_train_epochs * (training_rows(recipe, rows) // prompts_a_step(recipe)))
    batches = math.ceil(training_rows(recipe, rows) / (recipe.per_device_train_batch_size * _processes(recipe)))
    return math.ceil(recipe.num_train_epochs * math.ceil(batches / recipe.gradient_accumulation_steps))


def prompts_a_step(recipe: Recipe) -> int:
    """Of a method that answers them itself: its batch counts answers. Less than one is refused by train.rules."""
    return max(1, rows_a_step(recipe) // recipe.num_generations)


def rows_a_step(recipe: Recipe) -> int:
    """Rows (or answers) of an optimiser step, of all processes."""
    return recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps * _processes(recipe)


def _processes(recipe: Recipe) -> int:
    """On all machines: each takes a batch of its own."""
    return launch_command.layout_for(recipe).world


def training_rows(recipe: Recipe, rows: int) -> int:
    """The rows that are learnt from, about: without those held out."""
    return rows - held_out(recipe, rows).held_out


def held_out(recipe: Recipe, rows: int) -> Amount:
    """How many of so many rows the recipe holds out, about, in which parts."""
    return held_out_amount(rows, recipe.eval_fraction)
