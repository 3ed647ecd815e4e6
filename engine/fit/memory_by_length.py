"""The memory of a training as a straight line over its longest row: for the worker, which knows the rows.

The estimate of engine.fit.memory grows in proportion to the tokens of a row, so two points of it are enough.
"""

from engine.fit import memory
from engine.recipes.recipe import Recipe
from storage.tables import Model


def of(model: Model, recipe: Recipe) -> dict[str, int]:
    """Bytes with rows of no length, bytes that a token more in the longest rows adds, and bytes there are.

    Activations are kept in it, so that the worker can tell whether that fits. Empty for a model of unknown size.
    """
    if not model.parameters:
        return {}
    uncheckpointed = recipe.model_copy(update={"gradient_checkpointing": False})
    shortest, longest = memory.training_bytes(model, uncheckpointed, 1), memory.training_bytes(model, uncheckpointed)
    a_token = (longest - shortest) // (recipe.max_length - 1)
    return {"fixed": shortest - a_token, "a_token": a_token, "available": memory.available_bytes()}
