"""A probe before the start: two real steps of the very training, on the very device, and what they say about it.

A piece of work about the dataset, done once for the same recipe: what only changes how long or how well a training
learns (steps, rates, checkpoints, trackers) makes no other probe. It holds a device, as a training does.
"""

from typing import Any

from engine.data import datasets
from engine.fit import past_probes
from engine.models import models
from engine.process import work
from engine.recipes.recipe import Recipe
from engine.train import check
from engine.train import spec as training_spec
from engine.train.rules import machine
from storage.statuses import WORK_MOVING
from storage.tables import Dataset, Model, Work

SECONDS = 100  # after these no further batch is tried
HARD_SECONDS = 180  # after these it ends in the middle of a step


def start(recipe: Recipe) -> Work:
    """Begins a probe, or returns the one that is under way or was made for such a recipe.

    Raises RefusedError for a recipe that cannot be trained, ConflictError while every device is taken, NotFoundError.
    """
    model, dataset = models.look_up(recipe.model_id), datasets.look_up(recipe.dataset_id)
    # Whether it fits is the question: an estimate that says no is no reason not to look.
    check.refuse(check.check(recipe, model, dataset, without=machine.SIZES))
    return work.start(past_probes.KIND, dataset.id, spec(recipe, model, dataset))


def spec(recipe: Recipe, model: Model, dataset: Dataset) -> dict[str, Any]:
    """What the worker is told: as of a training, without what a probe does not go by."""
    essential = Recipe.model_validate(past_probes.probed_fields(recipe))
    return {**training_spec.of(essential, model, dataset), "seconds": SECONDS, "hard_seconds": HARD_SECONDS}


def stop(recipe: Recipe) -> None:
    """Ends the probe of such a recipe that is under way; nothing happens when there is none."""
    probe = past_probes.find(recipe)
    if probe and probe.work.status in WORK_MOVING:
        work.stop(probe.work.id)
