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
from engine.rows.heldout import record
from storage import db, home, runs
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
    with db.reading() as session:
        run = runs.get(session, recipe.start_from)
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
    earlier = run.recipe
    if recipe.model_id != run.model_id:
        return "model_id", f"The run {run.name} trained another model.", f"Use model_id {run.model_id}."
    if (recipe.method == "reward") != (earlier.get("method") == "reward") and _has_head(recipe, earlier):
        message = f"The run {run.name} was {earlier.get('method')}, and a reward model has another head."
        return "method", message, "Use reward to train a reward model further, and another method for the rest."
    if not _tuning_fits(recipe.tuning, str(earlier.get("tuning", "lora"))):
        trained = earlier.get("tuning")
        message = f"The run {run.name} was trained with tuning {trained}, so {recipe.tuning} cannot continue it."
        return "tuning", message, f"Use tuning {trained}{_as_model(run)}."
    return None if tunings.leaves_model(recipe.tuning) else _shape(recipe, run)


def _has_head(recipe: Recipe, earlier: dict[str, Any]) -> bool:
    """An adapter carries its head; a whole model can get a scoring head, but no other one back."""
    return not tunings.leaves_model(recipe.tuning) or earlier.get("method") == "reward"


def _tuning_fits(tuning: str, earlier: str) -> bool:
    if tunings.leaves_model(earlier):
        return tunings.leaves_model(tuning)
    return tuning == earlier or {tuning, earlier} <= LORAS


def _as_model(run: Run) -> str:
    if run.artifact != "model":
        return ""
    return f", or add {home.run_folder(run.id) / 'model'} on the Models page and train an adapter on it"


def _shape(recipe: Recipe, run: Run) -> tuple[str, str, str] | None:
    saved = _saved(run)
    for name in Adapters.model_fields:
        if name in ("tuning", *MAY_DIFFER) or not tunings.uses(recipe.tuning, name):
            continue
        earlier, chosen = saved.get(name), getattr(recipe, name)
        if earlier is not None and chosen != earlier:
            message = f"{name} is {chosen}, and the adapter of the run {run.name} was made with {earlier}."
            return name, message, f"Use {name} {earlier}: an adapter that is trained further keeps its shape."
    return None


def _saved(run: Run) -> dict[str, Any]:
    """What the adapter was made with: the recipe's fields, and what its own file says where that is not the same."""
    try:
        adapter_config = json.loads((result_folder(run) / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        adapter_config = {}
    own_fields = {
        name: adapter_config[saved_as]
        for name, saved_as in SAVED_AS.items()
        if adapter_config.get(saved_as) is not None
    }
    return {**run.recipe, **own_fields}


def recipe_for(run: Run) -> Mapping[str, Any]:
    """The fields of a recipe that trains the run's result further, before anybody changes them.

    Raises RefusedError when the run has left none.
    """
    result_folder(run)
    fields = _saved(run) if run.artifact == "adapter" else dict(run.recipe)
    return {**fields, "start_from": run.id} | ({"init_lora_weights": "default"} if run.artifact == "adapter" else {})


def held_out_record(recipe: Recipe) -> str | None:
    """Where the run that the recipe begins with wrote down what it held out, with what its own ancestors did."""
    if not recipe.start_from:
        return None
    with db.reading() as session:
        run = runs.get(session, recipe.start_from)
    file = home.run_folder(run.id) / record.FILE if run is not None else None
    return str(file) if file is not None and file.is_file() else None


def descendants(run: Run) -> list[Run]:
    """The runs that began with this one's weights, the newest first."""
    with db.reading() as session:
        return list(runs.begun_from(session, run))


def is_needed(session: Session, run: Run) -> bool:
    """Whether a training that is on its way begins with this run's weights."""
    return any(moving.recipe.get("start_from") == run.id for moving in runs.moving(session))


def ancestor(run: Run) -> Run | None:
    """The run this one began with, as far as it is still there."""
    name = str(run.recipe.get("start_from") or "")
    if not name:
        return None
    with db.reading() as session:
        return runs.get(session, name)
