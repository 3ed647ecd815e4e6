"""Early refusal: what is wrong with a recipe, in plain words, before a minute is spent on training.

An error means that the training could not work; a warning, that it would work and probably disappoint.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from engine.errors import RefusedError
from engine.recipe import Recipe
from storage.tables import Dataset, Model

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the recipe's field, what is the matter with its value, and what to do about it."""

    field: str
    message: str
    hint: str = ""
    level: Level = "error"


def check(recipe: Recipe, model: Model, dataset: Dataset) -> list[Problem]:
    """Everything that speaks against this training, errors first. Reads file headers only; takes milliseconds."""
    return []


def refuse(problems: Iterable[Problem]) -> None:
    """Raises RefusedError when there is an error among `problems`; warnings alone pass."""
    errors = [problem for problem in problems if problem.level == "error"]
    if errors:
        message = "\n".join(problem.message for problem in errors)
        raise RefusedError(message, "\n".join(problem.hint for problem in errors if problem.hint))
