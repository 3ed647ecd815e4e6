"""Learning from a teacher as code (GKD)."""

from typing import Any

from engine.recipes.methods import answered_share
from engine.runs.script import companion, evaluation, reinforce, supervised, weights
from engine.runs.script.parts import Parts, joined
from engine.runs.script.told import Told


def parts(told: Told) -> Parts:
    """For TRL's GKDTrainer."""
    recipe, base, read = told.recipe, weights.of(told), evaluation.of(told)
    is_answered = answered_share("gkd", recipe.lmbda, recipe.seq_kd) > 0
    kind = "rows_chat" if told.spec["dataset_kind"] == "chat" else "rows_completion"
    short = ["rows_short_prompts"] if is_answered else []
    row_imports, rows = joined("reading", "tokens", "chat", kind, "rows_divided", "before_answer", *short, *read.pieces)
    pieces = [*base.pieces, "ends_of_answers", "teacher", supervised.order(told), "following", *base.mixed_in]
    trainer_imports, trainer = joined(*pieces, "filled", "collate_distil", "trainer_gkd")
    return Parts(
        imports=[*row_imports, *trainer_imports, *base.imports],
        requirements=base.requirements,
        rows=rows,
        trainer=base.with_mixin(trainer),
        constants={
            "ANSWERS_ONLY": True,
            "METHOD": settings(told),
            **({"LONGEST_PROMPT": told.max_length - recipe.max_completion_length} if is_answered else {}),
            **companion.constants(told, "TEACHER"),
            **read.constants,
            **base.constants,
        },
        remarks=[*base.remarks, *([reinforce.DRAWN] if is_answered else [])],
    )


def settings(told: Told) -> dict[str, Any]:
    """What the method has of its own, under TRL's names."""
    recipe = told.recipe
    return {
        "beta": recipe.gkd_beta,
        "lmbda": recipe.lmbda,
        "seq_kd": recipe.seq_kd,
        "temperature": recipe.temperature,
        "max_new_tokens": recipe.max_completion_length,
        "disable_dropout": not recipe.lora_dropout,
    }
