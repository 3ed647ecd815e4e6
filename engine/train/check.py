"""Early refusal: what is wrong with a recipe, in plain words, before a minute is spent on training.

An error means that the training could not work; a warning, that it would work and probably disappoint. Every problem
names the field, its value and the remedy. The rules stand in `engine.train.rules`.
"""

from collections.abc import Iterable

from engine.errors import RefusedError
from engine.recipes.recipe import Recipe
from engine.train.rules import (
    auxiliary_models,
    batch_counts,
    distribution,
    left_out_rows,
    machine,
    serving,
    settings,
    start,
    subjects,
    tracking,
    vocabulary,
)
from engine.train.rules.problem import Problem, Rule
from storage.tables import Dataset, Model

RULES: tuple[Rule, ...] = (
    *subjects.RULES,
    *left_out_rows.RULES,
    *batch_counts.RULES,
    *machine.RULES,
    *settings.RULES,
    *auxiliary_models.RULES,
    *start.RULES,
    *distribution.RULES,
    *serving.RULES,
    *tracking.RULES,
    *vocabulary.RULES,
)


def check(recipe: Recipe, model: Model, dataset: Dataset, without: tuple[Rule, ...] = ()) -> list[Problem]:
    """Everything that speaks against this training, errors first. Reads file headers only; takes milliseconds.

    Rules in `without` are not asked.
    """
    problems = [problem for rule in RULES if rule not in without for problem in rule(recipe, model, dataset)]
    return sorted(problems, key=lambda problem: problem.level != "error")


def refuse(problems: Iterable[Problem]) -> None:
    """Raises RefusedError when there is an error among `problems`; warnings alone pass."""
    errors = [problem for problem in problems if problem.level == "error"]
    if errors:
        message = "\n".join(problem.message for problem in errors)
        raise RefusedError(message, "\n".join(problem.hint for problem in errors if problem.hint))
