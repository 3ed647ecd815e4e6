"""Which checkpoints of a training stay, by which measure they are compared, and the disk they take. Pure.

The newest `save_total_limit` stay, the best `save_best_limit`, and for a moment one more: the newest is written and
sealed before the oldest goes.
"""

from pathlib import Path

from engine import fit, steps
from engine.inspect_model import Inspection
from engine.methods import METHODS
from engine.recipe import Recipe
from storage.tables import Model


def measure(recipe: Recipe) -> tuple[str, bool]:
    """The metric on held-out rows that says which checkpoint is the better one, and whether greater is better.

    A recipe's own metric is read as transformers reads it: of a loss the smallest is the best, else the greatest.
    """
    if recipe.metric_for_best_model:
        return recipe.metric_for_best_model, not recipe.metric_for_best_model.endswith("loss")
    method = METHODS[recipe.method]
    return method.measure, method.greater_is_better


def best_kept(recipe: Recipe) -> int:
    """How many of the best checkpoints stay: what the recipe says, and one where the best is to be the result."""
    if not recipe.eval_fraction:
        return 0
    return max(recipe.save_best_limit, int(recipe.load_best_model_at_end or recipe.early_stopping_patience > 0))


def most_checkpoints(recipe: Recipe, rows: int = 0) -> int:
    """How many there may be at once, with the one being written; fewer when the whole training writes fewer."""
    most = recipe.save_total_limit + best_kept(recipe) + 1
    total = steps.total_steps(recipe, rows) if rows else None
    if total is None or best_kept(recipe):
        return most
    return min(most, -(-total // recipe.save_steps))  # rounded up: the last step is always saved


def disk_bytes(model: Model, recipe: Recipe, rows: int = 0) -> int:
    """The most disk that checkpoints and result of this training take at once. `rows`: of the dataset, 0 if unknown."""
    return most_checkpoints(recipe, rows) * fit.checkpoint_bytes(model, recipe) + result_bytes(model, recipe)


def result_bytes(model: Model, recipe: Recipe) -> int:
    """Size of what the training leaves: the adapter in float32, or the whole model as it was stored."""
    if recipe.tuning == "full":
        return model.size_bytes or 4 * (model.parameters or 0)
    found = fit.inspect_cached(model.path) if model.path else Inspection(Path())
    return 4 * fit.trained_parameters(found, recipe, model.parameters or 0) + 10_000_000  # tokenizer, card
