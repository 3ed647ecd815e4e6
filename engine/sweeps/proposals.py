"""Which fields of a recipe a sweep may try values of, and between which bounds one would look first.

What is not here is measured by, or decides what is measured: trials that differ in it could not be compared.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

from engine.recipes import methods
from engine.recipes.choices import optimisers, tunings
from engine.recipes.fields.checkpoints import Keeping
from engine.recipes.fields.distributed import Distributed
from engine.recipes.fields.tracking import Tracking
from engine.recipes.methods import METHODS
from engine.recipes.recipe import Recipe
from engine.sweeps.spec import Choices, Dimension, Range

# Why a field is not swept, said after its name.
_SUBJECT = "says what is trained on what, and trials of different ones cannot be compared: make a sweep of each"
_MEASURE = "decides what is measured, so values of trials that differ in it cannot be compared"
_UPKEEP = "changes what a run writes down or where it runs, not how well the model learns"
NOT_SWEPT: dict[str, str] = {
    **dict.fromkeys((*Keeping.model_fields, *Distributed.model_fields, *Tracking.model_fields), _UPKEEP),
    **dict.fromkeys(("model_id", "dataset_id", "teacher_id", "start_from"), _SUBJECT),
    **{name: _MEASURE for name in Recipe.model_fields if name.startswith("reward_")},
    "method": f"{_MEASURE}: make a sweep of each",
    "eval_fraction": "decides on which rows trials are measured, which must be the same ones",
    "eval_steps": "decides when trials are measured, which must be at the same steps",
    "seed": "is not a setting to find: `repeats` trains the best again with other seeds",
}


def sweepable(method: str, tuning: str) -> list[str]:
    """The fields that trials may differ in, in the recipe's order."""
    return [
        name
        for name in Recipe.model_fields
        if name not in NOT_SWEPT and methods.uses(method, name) and tunings.uses(tuning, name)
    ]


def is_whole(field: str) -> bool:
    """Whether its numbers are whole."""
    return Recipe.model_fields[field].annotation in (int, int | None)


def is_number(field: str) -> bool:
    """Whether it can be a range."""
    return is_whole(field) or Recipe.model_fields[field].annotation in (float, float | None)


def whole(space: Mapping[str, Dimension]) -> tuple[str, ...]:
    """The ranges of whole numbers in a space."""
    return tuple(name for name, part in space.items() if isinstance(part, Range) and is_whole(name))


def words(field: str, method: str, tuning: str = "lora") -> tuple[Any, ...]:
    """The values of a choice, those first that one would try, for that method; empty for a field that is none."""
    match field:
        case "loss_type":
            return METHODS[method].loss_types
        case "tuning":
            return tuple(name for name, facts in tunings.TUNINGS.items() if facts.fits(method))
    annotation = Recipe.model_fields[field].annotation
    if annotation in (bool, bool | None):
        return (True, False)
    options = (annotation,) if get_origin(annotation) is Literal else get_args(annotation)
    return next((get_args(option) for option in options if get_origin(option) is Literal), ())


def propose(field: str, method: str, tuning: str, recipe: Mapping[str, Any]) -> Dimension | None:
    """Where one would look first for that field, around what the recipe says; None where only a person knows."""
    if field not in sweepable(method, tuning):
        return None
    value = recipe.get(field, Recipe.model_fields[field].default)
    if field in _FIRST_CHOICES:
        return _choices(value, [word for word in _FIRST_CHOICES[field] if _is_there(field, word, method)])
    if options := words(field, method, tuning):
        return _choices(value, options[:MOST_WORDS])
    if field == "learning_rate":
        return _rates(METHODS[method].rate(tuning))
    if field == "beta":
        return _rates(METHODS[method].beta or 0.04, 10, 5)
    if field in _AROUND:
        return _AROUND[field](value if isinstance(value, int) else 1, method)
    return _USUAL.get(field)


MOST_WORDS = 4  # of a choice's many words, that are proposed


def _choices(value: Any, options: Any) -> Choices | None:
    """With the recipe's own value first, so that the start is among the trials."""
    own = () if value is None else (value,)
    proposed = tuple(dict.fromkeys((*own, *options)))
    return Choices(choices=proposed) if len(proposed) > 1 else None


def _is_there(field: str, word: str, method: str) -> bool:
    """Whether this machine and method can do it."""
    if field == "optim":
        return not optimisers.missing(word) and not optimisers.OPTIMISERS[word].gpu
    return field != "tuning" or tunings.TUNINGS[word].fits(method)


def _rates(usual: float, down: float = 20, up: float = 5) -> Range:
    """From a twentieth of a good rate to five times as much: 1e-5 to 1e-3 for LoRA, 1e-6 to 1e-4 for full."""
    return Range(low=_digit(usual / down), high=_digit(usual * up), log=True)


def _digit(number: float) -> float:
    return float(f"{number:.0e}")


def _doubling(least: int = 1, down: int = 1, up: int = 2) -> Callable[[int, str], Dimension | None]:
    """The value halved and doubled a few times: sizes of which only powers of two are usual."""

    def around(value: int, method: str) -> Dimension | None:
        least_here = max(least, 2 if method == "kto" else 1)
        return _choices(None, [size for at in range(-down, up + 1) if (size := int(value * 2.0**at)) >= least_here])

    return around


def _span(lowest: int, down: float, up: float, usual: int) -> Callable[[int, str], Dimension | None]:
    """A range of whole numbers around the value; around `usual` where the recipe leaves it at none."""

    def around(value: int, _: str) -> Dimension | None:
        centre = value if value > 0 else usual
        return Range(low=max(lowest, int(centre * down)), high=max(lowest + 1, int(centre * up)), log=lowest > 0)

    return around


_FIRST_CHOICES: dict[str, tuple[str, ...]] = {
    "tuning": ("lora", "full", "ia3"),
    "optim": ("adamw_torch", "adafactor", "lion_32bit", "muon"),
    "lr_scheduler_type": ("linear", "cosine", "constant_with_warmup"),
    "target_modules": ("all-linear", "q_proj,v_proj"),
    "attn_implementation": ("sdpa", "eager"),
    "init_lora_weights": ("default", "gaussian", "pissa", "olora"),
}
_AROUND: dict[str, Callable[[int, str], Dimension | None]] = {
    "per_device_train_batch_size": _doubling(),
    "gradient_accumulation_steps": _doubling(),
    "num_generations": _doubling(least=2),
    "oft_block_size": _doubling(least=2, up=1),
    "boft_block_size": _doubling(least=2, up=1),
    "max_length": _doubling(least=8, down=2, up=0),
    "max_completion_length": _doubling(down=1, up=1),
    "max_steps": _span(1, 0.5, 2, 100),
    "warmup_steps": _span(0, 0, 2, 10),
    "freeze_trainable_layers": _span(1, 0.5, 4, 2),
}
_USUAL: dict[str, Dimension] = {
    "num_train_epochs": Range(low=1, high=4, step=1),
    "lora_r": Range(low=4, high=64, log=True),
    "lora_alpha": Range(low=8, high=128, log=True),
    "lora_dropout": Range(low=0, high=0.2),
    "loraplus_lr_ratio": Range(low=1, high=32, log=True),
    "num_virtual_tokens": Range(low=8, high=128, log=True),
    "adam_beta1": Range(low=0.8, high=0.95),
    "adam_beta2": Range(low=0.95, high=0.999),
    "adam_epsilon": Range(low=1e-9, high=1e-6, log=True),
    "warmup_ratio": Range(low=0, high=0.2),
    "weight_decay": Range(low=0, high=0.1),
    "max_grad_norm": Range(low=0.3, high=3, log=True),
    "neftune_noise_alpha": Range(low=0, high=15),
    "label_smoothing": Range(low=0, high=0.3),
    "simpo_gamma": Range(low=0.2, high=2),
    "cpo_alpha": Range(low=0.1, high=2, log=True),
    "desirable_weight": Range(low=0.5, high=3, log=True),
    "undesirable_weight": Range(low=0.5, high=3, log=True),
    "center_rewards_coefficient": Range(low=0.001, high=0.1, log=True),
    "lmbda": Range(low=0, high=1),
    "gkd_beta": Range(low=0, high=1),
    "temperature": Range(low=0.5, high=1.2),
}
