"""Learning from the model's own answers as code: GRPO and RLOO, with what earns a reward."""

from typing import Any

from engine.recipes import methods
from engine.recipes.choices.commas import weights as numbers
from engine.runs.script import evaluation, preference, rewards, weights
from engine.runs.script.parts import Parts, joined
from engine.runs.script.told import Told

NEAR_ZERO = (
    "Its loss says little: rewards count by how far they are from the mean of their group, so it stays near 0, and "
    "where it is smaller than a rounding only `reward` can be compared."
)
DRAWN = (
    "Answers are drawn at random, by the seed. A number that is rounded otherwise can draw another token, and from "
    "there on the two trainings part: the same model, learning from other answers."
)


def parts(told: Told) -> Parts:
    """For TRL's GRPOTrainer or RLOOTrainer."""
    base, read, judged = weights.of(told), evaluation.of(told), rewards.of(told)
    row_imports, rows = joined("reading", "rows_prompt", "rows_divided", *read.pieces)
    before_imports, before = joined(*base.pieces, "ends_of_answers")
    after_imports, after = joined("following", *base.mixed_in, f"trainer_{told.recipe.method}")
    own = settings(told)
    return Parts(
        imports=[*row_imports, *before_imports, *judged.imports, *after_imports, *base.imports],
        requirements=[*base.requirements, *judged.requirements],
        rows=rows,
        trainer=base.with_mixin("\n\n\n".join([before, judged.text, after])),
        constants={
            "METHOD": own,
            "LONGEST_PROMPT": told.max_length - told.recipe.max_completion_length,
            **judged.constants,
            **read.constants,
            **base.constants,
        },
        remarks=[*base.remarks, *judged.remarks, NEAR_ZERO, DRAWN],
    )


def settings(told: Told) -> dict[str, Any]:
    """What the method has of its own, under TRL's names."""
    recipe = told.recipe
    method = methods.METHODS[recipe.method]
    prompts = max(1, recipe.per_device_train_batch_size // recipe.num_generations)
    values = {
        "remove_unused_columns": False,
        "per_device_eval_batch_size": prompts * recipe.num_generations,  # whole groups of answers
        "beta": preference.beta(recipe),
        "num_generations": recipe.num_generations,
        "max_completion_length": recipe.max_completion_length,
        "temperature": recipe.temperature,
        "reward_weights": numbers(recipe.reward_weights) or None,
        "shuffle_dataset": recipe.train_sampling_strategy != "sequential",
    }
    return values | ({"loss_type": recipe.loss_type or method.loss_types[0]} if method.loss_types else {})
