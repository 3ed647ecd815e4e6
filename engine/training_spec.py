"""What a worker that trains is told (spec.json), as far as recipe, model and dataset say it."""

from typing import Any

from engine import companions, datasets, further, memory_line
from engine.recipe import Recipe
from storage.tables import Dataset, Model


def of(recipe: Recipe, model: Model, dataset: Dataset) -> dict[str, Any]:
    """The spec without what an attempt adds: device, checkpoint, number. See engine.workers.training.Spec.

    Raises NotFoundError or RefusedError when a run or a model that the recipe begins with or asks is not there.
    """
    begin = further.start_of(recipe, model)
    return {
        "recipe": recipe.model_dump(),
        "model_path": begin.model_path,
        "adapter_path": begin.adapter_path,
        "dataset_path": str(datasets.blob(dataset)),
        "dataset_kind": dataset.kind,
        "memory": memory_line.of(model, recipe),
        **companions.told(recipe),
    }
