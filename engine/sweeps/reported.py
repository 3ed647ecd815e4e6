"""What each method measures on its held-out rows, and so what a sweep can go by.

Names as TRL's trainers log them while they evaluate, with eval_ before them. The rows of the report (`test`) are read
once, when a run is done, and never by what chooses between runs.
"""

import re
from collections.abc import Mapping
from typing import Any

from engine.recipes import metric_directions
from engine.recipes.choices.commas import words
from engine.recipes.methods import GENERATING, METHODS

_PAIRS = ("rewards/chosen", "rewards/rejected", "rewards/margins", "logps/chosen", "logps/rejected")
_COMPARED = ("loss", "rewards/accuracies", *_PAIRS)
_MEASURED: dict[str, tuple[str, ...]] = {
    "sft": ("loss",),  # TRL's accuracy and entropy are not computed where the loss is the fast one
    "cpt": ("loss",),
    "dpo": (*_COMPARED, "mean_token_accuracy", "entropy"),
    "orpo": (*_COMPARED, "nll_loss", "log_odds_ratio", "log_odds_chosen"),
    "kto": ("loss", *_PAIRS),
    "simpo": (*_COMPARED, "nll_loss"),
    "cpo": (*_COMPARED, "nll_loss"),
    "reward": ("loss", "accuracy", "margin"),
    "grpo": ("reward", "reward_std", "completions/mean_length"),
    "rloo": ("reward", "reward_std", "completions/mean_length"),
    "gkd": ("loss",),
}

# Fields that are a part of what a metric is calculated from: its values cannot be compared between trials that differ
# in them. A loss is that of the loss_type, weighed by beta; a margin is beta times a difference.
_LOSS = (
    *("beta", "loss_type", "label_smoothing", "simpo_gamma", "cpo_alpha", "center_rewards_coefficient", "gkd_beta"),
    *("desirable_weight", "undesirable_weight", "assistant_only_loss", "max_length", "lmbda", "seq_kd"),
)
_SCALED = ("rewards/chosen", "rewards/rejected", "rewards/margins")
_MOVED: dict[str, tuple[str, ...]] = {
    "loss": _LOSS,
    **dict.fromkeys(_SCALED, ("beta",)),
    "mean_token_accuracy": ("assistant_only_loss", "max_length"),
    "entropy": ("assistant_only_loss", "max_length"),
    **dict.fromkeys(("reward", "reward_std"), ("max_completion_length", "temperature")),
}


_BETTER: dict[str, metric_directions.Direction] = {"margin": "higher", "log_odds_chosen": "higher"}


def metrics(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """Every metric on held-out rows of that recipe, its method's own measure first."""
    method = str(recipe.get("method", "sft"))
    names = _MEASURED.get(method, ("loss",))
    if method in GENERATING:
        names += tuple(f"rewards/{name}/mean" for name in words(str(recipe.get("reward_funcs") or "exact_match")))
    first = METHODS[method].measure if method in METHODS else "eval_loss"
    return tuple(dict.fromkeys((first, *(f"eval_{name}" for name in names))))


def better(metric: str) -> metric_directions.Direction | None:
    """Which way it is better; None where neither is."""
    return _BETTER.get(metric.removeprefix("eval_")) or metric_directions.of(metric)


def moves(field: str, metric: str) -> bool:
    """Whether a metric's values mean something else when the field changes."""
    return field in _MOVED.get(metric.removeprefix("eval_"), ())


def unmoved(fields: tuple[str, ...], recipe: Mapping[str, Any]) -> str | None:
    """A metric of the recipe that says better or worse, and that none of these fields moves."""
    judged = re.compile(r"eval_(rewards/accuracies|accuracy|reward|mean_token_accuracy|loss)$")
    names = [name for name in metrics(recipe) if judged.match(name)]
    return next((name for name in names if not any(moves(field, name) for field in fields)), None)
