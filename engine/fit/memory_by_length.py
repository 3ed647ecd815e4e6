"""The memory of a training as a straight line over its longest row: for the worker, which knows the rows.

The estimate of engine.fit.memory grows in proportion to the tokens of a row, so two points of it are enough.
"""

from engine.fit import memory as fit
from engine.recipes.recipe import Recipe
from storage.tables import Model


def of(model: Model, recipe: Recipe) -> dict[str, int]:
    """Bytes with rows of no length, bytes that a token more in the longest rows adds, and bytes there are.

    Activations are kept in it, so that the worker can tell whether that fits. Empty for a model of unknown size.
    """
    if not model.parameters:
        return {}
    kept = recipe.model_copy(update={"gradient_checkpointing": False})
    shortest, longest = fit.training_bytes(model, kept, 1), fit.training_bytes(model, kept)
    a_token = (longest - shortest) // (recipe.max_length - 1)
    return {"fixed": shortest - a_token, "a_token": a_token, "available": fit.available_bytes()}
