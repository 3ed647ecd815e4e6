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
class Known:
    """The newest probe of recipes like this one, and the steps it did in exactly this recipe's sizes, if any."""

    work: Work
    measured: Measured | None
    trial: Trial | None

    @property
    def under_way(self) -> bool:
        return self.work.status in WORK_MOVING


def essence(recipe: Recipe) -> dict[str, Any]:
    """The fields of a recipe that a probe goes by; the others at their defaults."""
    fields = Recipe.model_fields
    return {name: fields[name].default if name in IRRELEVANT else value for name, value in recipe.model_dump().items()}


def known(recipe: Recipe) -> Known | None:
    """What has been found about the recipe, or is being; None when nobody has asked. One query, no file."""
    wanted = _alike(essence(recipe))
    found = [_read(one, recipe) for one in work.about(recipe.dataset_id, KIND) if _alike(one.spec["recipe"]) == wanted]
    exact = [one for one in found if one.trial or one.under_way]
    return next(iter([*exact, *found]), None)


def _alike(recipe: dict[str, Any]) -> dict[str, Any]:
    """With the fields a later version of the studio has added at their defaults."""
    fields = {name: field.default for name, field in Recipe.model_fields.items()}
    return {name: value for name, value in (fields | recipe).items() if name not in SIZES}


def _read(found: Work, recipe: Recipe) -> Known:
    if found.status != WorkStatus.SUCCEEDED:
        return Known(found, None, None)
    measured = Measured.model_validate(found.result)
    return Known(found, measured, next((one for one in measured.trials if one.of(recipe)), None))
