"""What a worker that trains is told (spec.json), as far as recipe, model and dataset say it."""

from typing import Any

from engine.data import datasets, lineage
from engine.fit import memory_by_length
from engine.recipes import auxiliary_models, continuation
from engine.recipes.recipe import Recipe
from storage.tables import Dataset, Model


def of(recipe: Recipe, model: Model, dataset: Dataset) -> dict[str, Any]:
    """The spec without what an attempt adds: device, checkpoint, number. See engine.workers.train.training.Spec.

    Raises NotFoundError or RefusedError when a run or a model that the recipe begins with or asks is not there.
    """
    start = continuation.start_of(recipe, model)
    return {
        "recipe": recipe.model_dump(),
        "model_path": start.model_path,
        "adapter_path": start.adapter_path,
        "dataset_path": str(datasets.blob(dataset)),
        "dataset_kind": dataset.kind,
        "dataset_family": lineage.root_family(dataset),
        "held_out_path": continuation.held_out_record(recipe),
        "memory": memory_by_length.of(model, recipe),
        **auxiliary_models.spec_part(recipe),
    }
