"""A reward model as code: pairs of answers, a model with one number as its answer."""

from engine.runs.script import evaluation, supervised, weights
from engine.runs.script.parts import Parts, joined
from engine.runs.script.told import Told


def parts(told: Told) -> Parts:
    """For TRL's RewardTrainer."""
    base, read = weights.of(told, "scorer"), evaluation.of(told)
    center = told.recipe.center_rewards_coefficient
    row_imports, rows = joined("reading", "tokens", "chat", "rows_preference", "rows_divided", *read.pieces)
    trainer_imports, trainer = joined(
        *base.pieces, supervised.order(told), "following", *base.mixed_in, "trainer_reward"
    )
    return Parts(
        imports=[*row_imports, *trainer_imports, *base.imports],
        requirements=base.requirements,
        rows=rows,
        trainer=base.with_mixin(trainer),
        constants={"WHOLE_ROWS": True, "CENTER": center, **read.constants, **base.constants},
        remarks=base.remarks,
    )
