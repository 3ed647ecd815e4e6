"""What the fields about checkpoints mean together: without held-out rows nothing is the best."""

from typing import Any

NEED_HELD_OUT = (
    "load_best_model_at_end",
    "early_stopping_patience",
    "save_best_limit",
    "metric_for_best_model",
    "early_stopping_threshold",
)


def refuse_unknown_best(recipe: Any) -> None:
    """Raises ValueError when the best is asked for and no rows are held out to measure it, or patience is missing."""
    fields = type(recipe).model_fields
    given = [name for name in NEED_HELD_OUT if getattr(recipe, name) != fields[name].default]
    if given and recipe.eval_fraction == 0:
        raise ValueError(
            f"{given[0]} compares models on held-out rows, and none are held out: set eval_fraction to a share above "
            f"0, such as 0.05, or leave out {given[0]}"
        )
    if recipe.early_stopping_threshold and not recipe.early_stopping_patience:
        raise ValueError("without early_stopping_patience it has no effect: early_stopping_threshold")
