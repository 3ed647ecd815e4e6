"""Which checkpoint of a training is the better one, and how many of the best stay. Light: the worker asks this too."""

from engine.recipes.methods import METHODS
from engine.recipes.recipe import Recipe


def deciding_metric(recipe: Recipe) -> tuple[str, bool]:
    """The metric on held-out rows that says which checkpoint is the better one, and whether greater is better.

    A recipe's own metric is read as transformers reads it: of a loss the smallest is the best, else the greatest.
    """
    if recipe.metric_for_best_model:
        return recipe.metric_for_best_model, not recipe.metric_for_best_model.endswith("loss")
    method = METHODS[recipe.method]
    return method.measure, method.greater_is_better


def best_kept(recipe: Recipe) -> int:
    """How many of the best checkpoints stay: what the recipe says, and one where the best is to be the result."""
    if recipe.eval_fraction == 0:
        return 0
    return max(recipe.save_best_limit, int(recipe.load_best_model_at_end or recipe.early_stopping_patience > 0))
