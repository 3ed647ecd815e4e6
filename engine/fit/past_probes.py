"""What probes have found about a recipe. See engine.train.probe, which starts them."""

from dataclasses import dataclass
from typing import Any

from engine.fit.measurement import Measured, Trial
from engine.process import work
from engine.recipes.fields.checkpoints import Keeping
from engine.recipes.fields.distributed import Distributed
from engine.recipes.fields.tracking import Tracking
from engine.recipes.recipe import Recipe
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

KIND = "fit_probe"
# What neither the memory nor the time of a step depends on: these take their defaults in a probe.
LENGTH = ("num_train_epochs", "max_steps", "eval_fraction", "eval_steps", "warmup_steps", "warmup_ratio")
RATES = ("learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "weight_decay", "seed")
IRRELEVANT = frozenset((*Keeping.model_fields, *Distributed.model_fields, *Tracking.model_fields, *LENGTH, *RATES))
# What a probe tries several values of, and so knows several answers for.
SIZES = ("per_device_train_batch_size", "gradient_accumulation_steps", "gradient_checkpointing", "max_length")


@dataclass(frozen=True)
class PastProbe:
    """The newest probe of recipes like this one, and the steps it did in exactly this recipe's sizes, if any."""

    work: Work
    measured: Measured | None
    trial: Trial | None

    @property
    def under_way(self) -> bool:
        return self.work.status in WORK_MOVING


def probed_fields(recipe: Recipe) -> dict[str, Any]:
    """The fields of a recipe that a probe goes by; the others at their defaults."""
    fields = Recipe.model_fields
    return {name: fields[name].default if name in IRRELEVANT else value for name, value in recipe.model_dump().items()}


def find(recipe: Recipe) -> PastProbe | None:
    """What has been found about the recipe, or is being; None when nobody has asked. One query, no file."""
    fields = _alike(probed_fields(recipe))
    probes = [
        _read(item, recipe) for item in work.about(recipe.dataset_id, KIND) if _alike(item.spec["recipe"]) == fields
    ]
    exact = [probe for probe in probes if probe.trial or probe.under_way]
    return next(iter([*exact, *probes]), None)


def _alike(recipe: dict[str, Any]) -> dict[str, Any]:
    """With the fields a later version of the studio has added at their defaults."""
    fields = {name: field.default for name, field in Recipe.model_fields.items()}
    return {name: value for name, value in (fields | recipe).items() if name not in SIZES and name not in IRRELEVANT}


def _read(item: Work, recipe: Recipe) -> PastProbe:
    if item.status != WorkStatus.SUCCEEDED:
        return PastProbe(item, None, None)
    measured = Measured.model_validate(item.result)
    return PastProbe(item, measured, next((trial for trial in measured.trials if trial.of(recipe)), None))
