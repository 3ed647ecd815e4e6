"""What the fields of a recipe mean together where they say which weights learn, and by which steps."""

import math
from typing import Any

from engine.recipes.choices import optimisers, tunings
from engine.recipes.choices.optimisers import OPTIMISERS, SCHEDULE_NEEDS, SCHEDULE_OPTIONS
from engine.recipes.choices.tunings import MOVED_STARTS, TUNINGS
from engine.recipes.methods import reference_is_kept

# Recipes of the first version may hold these beside tuning full; they are passed over.
FIRST = ("lora_r", "lora_alpha", "lora_dropout", "target_modules")


def unread_fields(recipe: Any) -> list[str]:
    """Fields of other tunings that are set to something, in the order of the recipe."""
    fields = type(recipe).model_fields
    unused = [name for name in fields if name not in FIRST and not tunings.uses(recipe.tuning, name)]
    return [name for name in unused if getattr(recipe, name) != fields[name].default]


def refuse_tuning(recipe: Any) -> None:
    """Raises ValueError for fields of tuning, optimiser and schedule that mean nothing, or not together."""
    for name in unread_fields(recipe):
        users = " and ".join(other for other in TUNINGS if tunings.uses(other, name))
        raise ValueError(f"the tuning {recipe.tuning} does not use it (only {users}): leave it out, or change {name}")
    if not TUNINGS[recipe.tuning].fits(recipe.method):
        fitting_methods = ", ".join(TUNINGS[recipe.tuning].methods)
        raise ValueError(f"{recipe.tuning} learns by {fitting_methods}, not by {recipe.method}: change tuning")
    _refuse_start(recipe)
    if not TUNINGS[recipe.tuning].layers and recipe.packing:
        raise ValueError(
            f"{recipe.tuning} puts its tokens before every row, so rows cannot share one: turn off packing"
        )
    if recipe.tuning == "qlora" and recipe.modules_to_save:
        raise ValueError("what qlora trains is bfloat16, too coarse for whole modules: leave modules_to_save empty")
    _refuse_optimiser(recipe)
    _refuse_schedule(recipe)


def _refuse_start(recipe: Any) -> None:
    start = recipe.init_lora_weights
    if start == "loftq" and (recipe.tuning != "qlora" or recipe.quantization == "int8"):
        raise ValueError("loftq makes up for what qlora loses to 4 bits, and to nothing else: change init_lora_weights")
    if start in MOVED_STARTS and start != "loftq" and recipe.tuning == "qlora":
        raise ValueError(
            f"{start} takes its start out of the weights, which a quantised base has lost: use tuning lora"
        )
    if start in MOVED_STARTS and recipe.use_dora:
        raise ValueError(f"{start} is saved as a plain LoRA, which use_dora is not: turn off one of them")
    if start == "loftq" and reference_is_kept(recipe.method, "full", recipe.beta):
        raise ValueError(
            f"{recipe.method} holds the model against its base, and loftq begins beside it: use init_lora_weights "
            "default"
        )
    if start in MOVED_STARTS and recipe.strategy not in ("none", "ddp"):
        raise ValueError(f"{recipe.strategy} divides the weights that {start} begins with: change init_lora_weights")
    if recipe.loraplus_lr_ratio is not None and not recipe.optim.startswith(("adamw", "paged_adamw")):
        raise ValueError("LoRA+ is made for AdamW: choose such an optim, or leave loraplus_lr_ratio empty")


def _refuse_optimiser(recipe: Any) -> None:
    optimiser = OPTIMISERS[recipe.optim]
    if optimiser.whole and not tunings.leaves_model(recipe.tuning):
        raise ValueError(
            f"{recipe.optim} is for weights that are trained as they are: use tuning full, or change optim"
        )
    if optimiser.steady and recipe.lr_scheduler_type != "constant":
        raise ValueError(f"{recipe.optim} finds its own schedule: set lr_scheduler_type to constant")
    if recipe.optim == "schedule_free_radam" and (recipe.warmup_steps or recipe.warmup_ratio):
        raise ValueError("schedule_free_radam warms up by itself: set warmup_steps and warmup_ratio to 0")
    if optimiser.steady and recipe.warmup_ratio:
        raise ValueError(f"{recipe.optim} counts its warm-up in steps: use warmup_steps instead of warmup_ratio")
    _refuse_settings(recipe.optim_args, optimiser.options, f"change {recipe.optim}'s optim_args")


def _refuse_schedule(recipe: Any) -> None:
    name = recipe.lr_scheduler_type
    if recipe.warmup_steps and recipe.warmup_ratio:
        raise ValueError("the warm-up is given twice: set warmup_steps or warmup_ratio to 0")
    if name in ("constant", "reduce_lr_on_plateau") and recipe.warmup_ratio:
        raise ValueError(f"the schedule {name} has no warm-up: set warmup_ratio to 0")
    if name == "reduce_lr_on_plateau" and recipe.eval_fraction == 0:
        raise ValueError("reduce_lr_on_plateau watches the loss of held-out rows: set eval_fraction above 0")
    given = _refuse_settings(
        recipe.lr_scheduler_kwargs, SCHEDULE_OPTIONS.get(name, ()), f"change {name}'s lr_scheduler_kwargs"
    )
    needed = SCHEDULE_NEEDS.get(name, ())
    if needed and not any(option in given for option in needed):
        raise ValueError(f"{name} needs {' or '.join(needed)}, such as {needed[0]}=..., in lr_scheduler_kwargs")
    if "min_lr" in given and "min_lr_rate" in given:
        raise ValueError("the lowest rate is given twice: leave min_lr or min_lr_rate out of lr_scheduler_kwargs")


def _refuse_settings(text: str, allowed: tuple[str, ...], remedy: str) -> dict[str, str]:
    """What the text sets. Raises ValueError when a pair cannot be read, or is not known."""
    given = optimisers.settings(text)
    if unknown := [name for name in given if name not in allowed]:
        offered = ", ".join(allowed) or "nothing"
        raise ValueError(f"{', '.join(unknown)} means nothing there, only {offered} does: {remedy}")
    for name, value in given.items():
        if name not in optimisers.WORDS:
            _number(name, value, remedy)
    return given


def _number(name: str, value: str, remedy: str) -> None:
    try:
        is_finite = math.isfinite(optimisers.number(value))
    except (ValueError, OverflowError):
        is_finite = False
    if not is_finite:
        raise ValueError(f"{name} has to be a number, not {value}: {remedy}")
