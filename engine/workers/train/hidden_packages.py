"""Makes installed packages look absent that a training does not need: libraries import them wherever they find them.

Before torch is imported. Together they take seconds: PEFT imports bitsandbytes, TRL wandb, accelerate deepspeed, and
that MLflow. What a recipe needs stays; trackers are told by a process of their own.
"""

import sys
from typing import Any

from engine.recipes.choices.optimisers import OPTIMISERS

TRACKERS = ("wandb", "mlflow")


def hide(recipe: dict[str, Any]) -> None:
    """Hides what this recipe, as in spec.json, does not need. What is imported already stays."""
    unneeded = [*TRACKERS]
    if not _needs_bitsandbytes(recipe):
        unneeded.append("bitsandbytes")
    if not str(recipe.get("strategy", "")).startswith("deepspeed"):
        unneeded.append("deepspeed")
    for name in unneeded:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # Python: "not there"


def _needs_bitsandbytes(recipe: dict[str, Any]) -> bool:
    optimiser = OPTIMISERS.get(str(recipe.get("optim", "")))
    return recipe.get("tuning") == "qlora" or (optimiser is not None and "bitsandbytes" in optimiser.packages)
