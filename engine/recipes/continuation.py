"""Training further: a new run that begins with the weights an earlier one left, with a fresh optimiser.

Not the same as resuming, which goes on with the same run. An adapter is loaded as it is and trained on, so the result
loads on the plain base model again; a whole model is trained on from its own folder.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session

from engine.errors import NotFoundError, RefusedError
from engine.recipes.choices import tunings
from engine.recipes.fields.adapters import Adapters
from engine.recipes.recipe import Recipe
from storage import db as database
from storage import home, runs
from storage.statuses import RunStatus
from storage.tables import Model, Run

LORAS = {"lora", "qlora"}  # what one leaves, the other can train on
# Of an adapter; what else a tuning has of its own decides the shape of the weights, or what they mean.
MAY_DIFFER = ("lora_dropout", "loraplus_lr_ratio", "init_lora_weights", "quantization", "prompt_tuning_init_text")
SAVED_AS = {
    "lora_r": "r",
    "lora_alpha": "lora_alpha",
}  # in adapter_config.json, which some starts save with twice the rank


@dataclass(frozen=True)
class Start:
    """What a worker loads: the model's folder, and the adapter that is trained on, if it is one."""

    model_path: str | None
    adapter_path: str | None = None


def start_of(recipe: Recipe, model: Model) -> Start:
    """Where the training begins. Raises NotFoundError or RefusedError when the run to begin with is not there."""
    if not recipe.start_from:
        return Start(model.path)
    run = source(recipe)
    folder = result_folder(run)
    return Start(model.path, str(folder)) if run.artifact == "adapter" else Start(str(folder))


def source(recipe: Recipe) -> Run:
    """The run that a recipe begins with. Raises NotFoundError."""
    with database.reading() as db:
        run = runs.get(db, recipe.start_from)
    if run is None:
        message = f"start_from names the run `{recipe.start_from}`, which does not exist."
        raise NotFoundError(message, "It may have been deleted. Choose another run, or leave start_from empty.")
    return run


def result_folder(run: Run) -> Path:
    """Where a finished run's weights lie. Raises RefusedError when it left none."""
    folder = home.run_folder(run.id) / (run.artifact or "")
    if run.status != RunStatus.SUCCEEDED or not run.artifact or not folder.is_dir():
        message = f"start_from names the run {run.name}, which has no result ({run.status.value})."
        raise RefusedError(message, "Choose a run that has succeeded. To continue an unfinished run, resume it.")
    return folder


def misfit(recipe: Recipe, run: Run) -> tuple[str, str, str] | None:
    """The first field that does not fit the run it begins with, what is wrong, and the remedy; None when all fit."""
    before = run.recipe
    if recipe.model_id != run.model_id:
        return "model_id", f"The run {run.name} trained another model.", f"Use model_id {run.model_id}."
    if (recipe.method == "reward") != (before.get("method") == "reward") and _has_head(recipe, before):
        message = f"The run {run.name} was {before.get('method')}, and a reward model has another head."
        return "method", message, "Use reward to train a reward model further, and another method for the rest."
    if not _tuning_fits(recipe.tuning, str(before.get("tuning", "lora"))):
        message = (
            f"The run {run.name} was trained with tuning {before.get('tuning')}, so {recipe.tuning} cannot continue it."
        )
        return "tuning", message, f"Use tuning {before.get('tuning')}{_as_model(run)}."
    return None if tunings.leaves_model(recipe.tuning) else _shape(recipe, run)


def _has_head(recipe: Recipe, before: dict[str, Any]) -> bool:
    """An adapter carries its head; a whole model can get a scoring head, but no other one back."""
    return not tunings.leaves_model(recipe.tuning) or before.get("method") == "reward"


def _tuning_fits(tuning: str, before: str) -> bool:
    if tunings.leaves_model(before):
        return tunings.leaves_model(tuning)
    return tuning == before or {tuning, before} <= LORAS


def _as_model(run: Run) -> str:
    if run.artifact != "model":
        return ""
    return f", or add {home.run_folder(run.id) / 'model'} on the Models page and train an adapter on it"


def _shape(recipe: Recipe, run: Run) -> tuple[str, str, str] | None:
    saved = _saved(run)
    for name in Adapters.model_fields:
        if name in ("tuning", *MAY_DIFFER) or not tunings.uses(recipe.tuning, name):
            continue
        before, now = saved.get(name), getattr(recipe, name)
        if before is not None and now != before:
            message = f"{name} is {now}, and the adapter of the run {run.name} was made with {before}."
            return name, message, f"Use {name} {before}: an adapter that is trained further keeps its shape."
    return None


def _saved(run: Run) -> dict[str, Any]:
    """What the adapter was made with: the recipe's fields, and what its own file says where that is not the same."""
    try:
        told = json.loads((result_folder(run) / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = {}
    own = {name: told[saved_as] for name, saved_as in SAVED_AS.items() if told.get(saved_as) is not None}
    return {**run.recipe, **own}


def recipe_for(run: Run) -> Mapping[str, Any]:
    """The fields of a recipe that trains the run's result further, before anybody changes them.

    Raises RefusedError when the run has left none.
    """
    result_folder(run)
    fields = _saved(run) if run.artifact == "adapter" else dict(run.recipe)
    return {**fields, "start_from": run.id} | ({"init_lora_weights": "default"} if run.artifact == "adapter" else {})


def descendants(run: Run) -> list[Run]:
    """The runs that began with this one's weights, the newest first."""
    with database.reading() as db:
        return list(runs.begun_from(db, run))


def is_needed(db: Session, run: Run) -> bool:
    """Whether a training that is on its way begins with this run's weights."""
    return any(one.recipe.get("start_from") == run.id for one in runs.moving(db))


def ancestor(run: Run) -> Run | None:
    """The run this one began with, as far as it is still there."""
    name = str(run.recipe.get("start_from") or "")
    if not name:
        return None
    with database.reading() as db:
        return runs.get(db, name)
