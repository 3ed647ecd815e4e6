"""What a rule finds: one thing that is wrong with a recipe, in plain words."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from engine.recipes.recipe import Recipe
from storage.tables import Dataset, Model

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the recipe's field, what is the matter with its value, and what to do about it.

    `instead` are the values of fields, by name, that put it right and leave the rest of the recipe what it is.
    """

    field: str
    message: str
    hint: str = ""
    level: Level = "error"
    instead: dict[str, Any] = dataclasses.field(default_factory=dict)


Problems = Iterator[Problem]
Rule = Callable[[Recipe, Model, Dataset], Problems]
