"""What a training will hold out, in a line, before it starts. How many rows it is follows from how many there are."""

from engine.recipes import continuation, steps
from engine.recipes.recipe import Recipe
from engine.rows.heldout import amount
from storage.tables import Dataset


def describe(recipe: Recipe, dataset: Dataset) -> str:
    """Such as "5 % held out: about 60 rows for the curve, 60 for the report."."""
    line = amount.in_words(steps.held_out(recipe, dataset.train_rows), recipe.eval_fraction)
    if continuation.held_out_record(recipe):
        line += " What the run it begins with held out is not learnt either."
    return line


def is_off(recipe: Recipe) -> bool:
    """Whether the recipe itself says that no rows are held out."""
    return recipe.eval_fraction == 0
