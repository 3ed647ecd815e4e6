"""How much disk a run takes: an estimate, in bytes, item by item.

checkpoints  the most there are at once (kept_checkpoints): trained weights, 4 bytes each, and the optimiser's state
result       the trained weights, or the whole model as it was stored
rows         8 bytes a token: its id and its label, each 4
"""

from dataclasses import dataclass, fields

from engine import sizes
from engine.fit import kept_checkpoints, memory
from engine.recipes.recipe import Recipe
from storage.tables import Model

TOKEN_BYTES = 8


@dataclass(frozen=True)
class Disk:
    """What the disk is for, in bytes."""

    checkpoints: int
    result: int
    rows: int

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        parts = ((field.name, getattr(self, field.name)) for field in fields(self))
        return ", ".join(f"{name} {sizes.in_words(size)}" for name, size in parts if size >= 5e5)


def disk(model: Model, recipe: Recipe, rows: int, row_tokens: float) -> Disk:
    """Of a run on so many rows of so many tokens each, both sides of a pair counted."""
    checkpoints = kept_checkpoints.most_checkpoints(recipe, rows) * memory.checkpoint_bytes(model, recipe)
    return Disk(checkpoints, kept_checkpoints.result_bytes(model, recipe), int(rows * row_tokens * TOKEN_BYTES))
