"""How fast this machine trains, in floating-point operations a second, and how that is known.

Best from the studio's own finished runs of the same model; else from a product of matrices that a worker times once
for each kind of device and precision, of which a training reaches a share.
"""

import statistics
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from engine.fit import duration, memory
from engine.fit.duration import Shape
from engine.process import devices, machine, work
from engine.recipes import methods
from engine.recipes.recipe import Recipe
from storage import db, runs
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Model, Run, Work

KIND = "machine_speed"
SUBJECT = "machine"  # what the work is about; it is never deleted
RUNS_ASKED = 5  # the newest that have finished


@dataclass(frozen=True)
class Speed:
    """FLOPs a second in a training, and where the number comes from, in a few words."""

    flops: float
    source: str


def speed(recipe: Recipe, model: Model, shape: Shape, row_tokens: float) -> Speed | None:
    """What is known of this machine and the model; None before anything was measured."""
    speeds = [flops for run in _finished(model) if (flops := _of_run(run, recipe, shape, row_tokens))]
    if speeds:
        source = (
            "this model's last finished run" if len(speeds) == 1 else f"this model's last {len(speeds)} finished runs"
        )
        return Speed(statistics.median(speeds), source)
    timing = _timed(recipe)
    if timing is None or timing.status != WorkStatus.SUCCEEDED:
        return None
    return Speed(timing.result["flops"] * duration.SHARE_OF_PEAK, "a product of matrices timed on this machine")


def _finished(model: Model) -> list[Run]:
    with db.reading() as session:
        return list(runs.finished_of(session, model.id, RUNS_ASKED))


def _of_run(run: Run, recipe: Recipe, shape: Shape, row_tokens: float) -> float | None:
    """What that run reached; None where it cannot be compared with the recipe."""
    try:
        run_recipe = Recipe.model_validate(run.recipe)
    except ValidationError:  # of an older studio
        return None
    alike = (run_recipe.method in methods.GENERATING) == (
        recipe.method in methods.GENERATING
    ) and run_recipe.tuning == recipe.tuning
    same_device = ((run.device or "").startswith("gpu")) == machine.has_gpu()
    if not (alike and same_device and run.tokens_per_second):
        return None
    return run.tokens_per_second * duration.token_flops(run_recipe, shape, row_tokens)


def _spec(recipe: Recipe) -> dict[str, Any]:
    return {"device": devices.worker_device(devices.on_this_machine()[0]), "bf16": memory.computes_in_bf16(recipe)}


def _timed(recipe: Recipe) -> Work | None:
    return work.find(KIND, SUBJECT, _spec(recipe))


def measure_once(recipe: Recipe) -> Work | None:
    """Begins to time the product of matrices where nobody has; returns the work while it goes on.

    Not while a training would disturb it, and be disturbed. Takes a few seconds; estimates after that have a time.
    """
    timing = _timed(recipe)
    if timing is None and not any(lease.exclusive for lease in devices.holders()):
        timing = work.enqueue(KIND, SUBJECT, _spec(recipe))
    return timing if timing and timing.status in WORK_MOVING else None
