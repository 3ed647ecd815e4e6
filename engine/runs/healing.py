"""What the studio changes by itself when a training runs out of memory: fewer rows at once, as many rows a step. Pure.

The batch is divided and the gradient accumulation multiplied, so a step still learns from the same rows in the same
order; at one row, gradient checkpointing is turned on; then it gives up. The recipe stays as it was submitted: what is
changed stands beside it, in the run's facts:

    adjustments   {field: value}, laid over the recipe by every later attempt
    healed        [{"attempt": 1, "step": 40, "words": ...}], what the run's page tells
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import RefusedError
from engine.recipes.recipe import Recipe, parse
from storage.tables import RunFacts

MOST_ADJUSTMENTS = 6
BATCH, ACCUMULATION = "per_device_train_batch_size", "gradient_accumulation_steps"
SMALLER_BATCH_IS_NO_HELP = ("loading", "tokenising", "saving")  # stages in which no batch is computed
EXHAUSTED = (
    "Smaller batches do not help any more. Use a smaller max_length, tuning qlora, an 8-bit optim, a smaller model, "
    "or a machine with more memory."
)


@dataclass(frozen=True)
class Healed:
    """The adjustments of the next attempt, all of them, and what was changed this time, in words."""

    adjustments: dict[str, Any]
    words: str


def adjusted(recipe: Recipe, facts: RunFacts) -> Recipe:
    """The recipe with what earlier attempts found to fit. Raises RefusedError when it does not hold together."""
    return parse(recipe.model_dump() | facts.adjustments) if facts.adjustments else recipe


def smaller(values: Mapping[str, Any], facts: RunFacts) -> Healed | None:
    """What to try with less memory, for a run's recipe and facts; None when there is nothing left to try."""
    if len(facts.healed) >= MOST_ADJUSTMENTS or facts.stage in SMALLER_BATCH_IS_NO_HELP:
        return None
    try:
        recipe = adjusted(parse(values), facts)
    except RefusedError:  # written by a later studio
        return None
    changes = _fewer_rows(recipe) or _with_checkpointing(recipe)
    if changes is None:
        return None
    words = " and ".join(f"{name} {value} instead of {getattr(recipe, name)}" for name, value in changes.items())
    words = words if BATCH in changes else "gradient_checkpointing on"
    rows_a_step = f": still {changes[BATCH] * changes[ACCUMULATION]} rows a step" if BATCH in changes else ""
    return Healed({**facts.adjustments, **changes}, words + rows_a_step)


def _fewer_rows(recipe: Recipe) -> dict[str, Any] | None:
    """At most half the rows at once, as many a step; None where the method or the fields allow no fewer."""
    batch = recipe.per_device_train_batch_size
    rows = batch * recipe.gradient_accumulation_steps
    for fewer in range(batch // 2, 0, -1):
        changes = {BATCH: fewer, ACCUMULATION: rows // fewer}
        if rows % fewer == 0 and _is_valid(recipe, changes):
            return changes
    return None


def _with_checkpointing(recipe: Recipe) -> dict[str, Any] | None:
    changes = {"gradient_checkpointing": True}
    return None if recipe.gradient_checkpointing or not _is_valid(recipe, changes) else changes


def _is_valid(recipe: Recipe, changes: dict[str, Any]) -> bool:
    try:
        parse(recipe.model_dump() | changes)
    except RefusedError:
        return False
    return True
