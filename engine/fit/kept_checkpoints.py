"""Which checkpoints of a training stay, by which measure they are compared, and the disk they take.

The newest `save_total_limit` stay, the best `save_best_limit`, and for a moment one more: the newest is written and
sealed before the oldest goes.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.fit import memory
from engine.recipes import steps
from engine.recipes.best_checkpoint import best_kept as best_kept
from engine.recipes.best_checkpoint import deciding_metric as deciding_metric
from engine.recipes.choices import tunings
from engine.recipes.recipe import Recipe
from engine.weights import checkpoints
from engine.weights.inspection import Inspection
from storage.tables import Model


def most_checkpoints(recipe: Recipe, rows: int = 0) -> int:
    """How many there may be at once, with the one being written; fewer when the whole training writes fewer."""
    most = recipe.save_total_limit + best_kept(recipe) + 1
    total = steps.total_steps(recipe, rows) if rows else None
    if total is None or best_kept(recipe):
        return most
    return min(most, -(-total // recipe.save_steps))  # rounded up: the last step is always saved


def result_bytes(model: Model, recipe: Recipe) -> int:
    """Size of what the training leaves: the adapter in float32, or the whole model as it was stored."""
    if tunings.leaves_model(recipe.tuning):
        return model.size_bytes or 4 * (model.parameters or 0)
    inspection = memory.inspect_cached(model.path) if model.path else Inspection(Path())
    return 4 * memory.trained_parameters(inspection, recipe, model.parameters or 0) + 10_000_000  # tokenizer, card


def listed(run_folder: Path, compared_by: tuple[str, bool]) -> list[dict[str, Any]]:
    """The run's checkpoints as pages and REST show them, first step first. `compared_by`: see `measure`.

    Each has step, folder, size_bytes, whether it is whole (`good`), what was measured then (None where nothing was),
    and whether it is the newest whole one, or the best.
    """
    folders = checkpoints.in_order(run_folder)
    whole = [path for path in folders if checkpoints.is_complete(path)]
    best = _best(whole, *compared_by)
    return [
        {
            "step": checkpoints.step_of(path),
            "folder": str(path.relative_to(run_folder)),
            "size_bytes": sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
            "good": path in whole,
            "loss": _finite(checkpoints.metrics_at(path).get("loss")),
            "eval_loss": _finite(checkpoints.metrics_at(path).get("eval_loss")),
            "newest": path in whole[-1:],
            "best": path == best,
        }
        for path in folders
    ]


def _best(folders: Sequence[Path], name: str, greater: bool) -> Path | None:
    values = {path: value for path in folders if (value := _finite(checkpoints.metrics_at(path).get(name))) is not None}
    if not values:
        return None
    return (max if greater else min)(values, key=lambda path: values[path])


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
