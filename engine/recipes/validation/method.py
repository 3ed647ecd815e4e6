"""What the fields of a recipe mean together: each method its own fields, and values that fit each other."""

import ast
import json
import re
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from engine.recipes.choices.commas import weights, words
from engine.recipes.methods import GENERATING, METHODS, OWN_FIELDS, REWARDS, answered_share, uses

SMOOTHED = ("robust", "exo_pair")


def unread_fields(recipe: BaseModel) -> list[str]:
    """Fields of other methods that are set to something, in the order of the recipe."""
    method = str(recipe.method)  # type: ignore[attr-defined]
    fields = type(recipe).model_fields
    return [
        name
        for name in fields
        if name in OWN_FIELDS and not uses(method, name) and getattr(recipe, name) != fields[name].default
    ]


def refuse_foreign(recipe: BaseModel) -> None:
    """Raises ValueError that names a field which means nothing to the recipe's method."""
    for name in unread_fields(recipe):
        method = recipe.method  # type: ignore[attr-defined]
        users = " and ".join(other for other in METHODS if uses(other, name))
        raise ValueError(f"the method {method} does not use it (only {users} do): leave it out, or change {name}")


def refuse_unfitting(recipe: Any) -> None:
    """Raises ValueError for values of a method's own fields that do not go together."""
    loss_types = METHODS[recipe.method].loss_types
    if recipe.loss_type is not None and recipe.loss_type not in loss_types:
        raise ValueError(f"the method {recipe.method} knows {', '.join(loss_types)}, not {recipe.loss_type}: loss_type")
    if recipe.loss_type in SMOOTHED and not recipe.label_smoothing:
        raise ValueError(f"the loss {recipe.loss_type} needs a share of doubtful pairs above 0 in label_smoothing")
    if recipe.method in ("dpo", "kto", "orpo", "simpo", "cpo") and recipe.beta == 0:
        raise ValueError(f"with 0, {recipe.method} learns nothing from the preferences: raise beta")
    if recipe.method == "kto" and recipe.loss_type != "apo_zero_unpaired" and recipe.per_device_train_batch_size < 2:
        raise ValueError("kto compares the rows of a batch, so it needs 2 or more: per_device_train_batch_size")
    if recipe.method in GENERATING:
        _refuse_batches(recipe)
        _refuse_rewards(recipe)
    if answered_share(recipe.method, recipe.lmbda, recipe.seq_kd):
        _refuse_lengths(recipe)


def _refuse_batches(recipe: Any) -> None:
    """Where processes are as many as devices, only the machine can tell (engine.train.rules.batch_counts)."""
    spread = recipe.strategy != "none"
    processes = recipe.num_processes * recipe.num_machines if spread else 1
    answers = processes * recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
    if answers % recipe.num_generations:
        factors = "per_device_train_batch_size times gradient_accumulation_steps" + " times all processes" * spread
        raise ValueError(
            f"a step has {answers} answers ({factors}), which is not a multiple of {recipe.num_generations}: "
            "change num_generations"
        )


def _refuse_lengths(recipe: Any) -> None:
    if recipe.max_completion_length >= recipe.max_length:
        raise ValueError(
            f"prompt and answer together have max_length {recipe.max_length}, so the answer has to be shorter: "
            "lower max_completion_length"
        )


def _refuse_rewards(recipe: Any) -> None:
    names = words(recipe.reward_funcs)
    if unknown := [name for name in names if name not in REWARDS] or (not names and ["nothing"]):
        raise ValueError(f"{', '.join(unknown)} is not one of {', '.join(REWARDS)}: reward_funcs")
    for name, (field, description) in NEEDS.items():
        if name in names and not getattr(recipe, field).strip():
            raise ValueError(f"the reward {name} needs {description} in {field}")
    for name, read in (("reward_pattern", re.compile), ("reward_schema", json.loads)):
        _refuse_unreadable(name, getattr(recipe, name) or "{}", read)
    if recipe.reward_code:
        _refuse_unreadable("reward_code", recipe.reward_code, _function)
    if recipe.reward_weights and len(weights(recipe.reward_weights)) != len(names):
        raise ValueError(f"there are {len(names)} rewards, and each needs a number in reward_weights")


NEEDS = {
    "regex": ("reward_pattern", "a regular expression"),
    "python": ("reward_code", "a function"),
    "reward_model": ("reward_model_id", "the id of a run or a model"),
}


def _function(text: str) -> None:
    """Raises ValueError, SyntaxError when the text holds no function `reward`. Runs nothing."""
    if not any(isinstance(part, ast.FunctionDef) and part.name == "reward" for part in ast.parse(text).body):
        raise ValueError("it has no `def reward(prompt, completion, **columns)`")


def _refuse_unreadable(name: str, text: str, read: Callable[[str], Any]) -> None:
    try:
        read(text)
    except (ValueError, SyntaxError, re.error, RecursionError, MemoryError) as error:  # the last two: deeply nested
        raise ValueError(f"it cannot be read ({str(error)[:200]}): correct {name}") from error
