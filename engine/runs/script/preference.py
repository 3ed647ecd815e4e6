"""Learning from judged answers as code: pairs (DPO, ORPO, SimPO, CPO), and answers that are good or bad (KTO)."""

from typing import Any

from engine.recipes import methods, parallelism
from engine.recipes.recipe import Recipe
from engine.runs.script import evaluation, supervised, weights
from engine.runs.script.parts import Parts, joined
from engine.runs.script.told import Told

PAIRS = {
    "dpo": ("filled", "collate_pairs", "trainer_dpo"),
    "orpo": ("trainer_orpo",),
    "simpo": ("trainer_cpo",),  # CPO without imitation, lengths averaged out, as in arXiv:2405.14734
    "cpo": ("trainer_cpo",),
}


def parts(told: Told) -> Parts:
    """For the trainer that TRL has for the method."""
    base, read = weights.of(told), evaluation.of(told)
    kind = "rows_unpaired" if told.recipe.method == "kto" else "rows_preference"
    row_imports, rows = joined("reading", "tokens", "chat", kind, "rows_divided", *read.pieces)
    trainer_imports, trainer = joined(
        *base.pieces, supervised.order(told), "following", *base.mixed_in, *_trainer(told.recipe)
    )
    whole = {} if told.recipe.method == "kto" else {"WHOLE_ROWS": False}
    return Parts(
        imports=[*row_imports, *trainer_imports, *base.imports],
        requirements=base.requirements,
        rows=rows,
        trainer=base.with_mixin(trainer),
        constants={"METHOD": settings(told), **whole, **read.constants, **base.constants},
        remarks=base.remarks,
    )


def _trainer(recipe: Recipe) -> tuple[str, ...]:
    if recipe.method != "kto":
        return PAIRS[recipe.method]
    compared = () if recipe.loss_type == "apo_zero_unpaired" else ("mismatched",)
    return ("kept_batches", *compared, "filled", "collate_labelled", "trainer_kto")


def settings(told: Told) -> dict[str, Any]:
    """What the method has of its own, under TRL's names."""
    recipe = told.recipe
    shared: dict[str, Any] = {"remove_unused_columns": False, "beta": beta(recipe)}
    match recipe.method:
        case "dpo":
            shared |= {
                "loss_type": [_loss(recipe)],
                "label_smoothing": recipe.label_smoothing,
                "precompute_ref_log_probs": _asks_before(told),
            }
        case "kto":
            shared |= {
                "loss_type": _loss(recipe),
                "desirable_weight": recipe.desirable_weight,
                "undesirable_weight": recipe.undesirable_weight,
                "precompute_ref_log_probs": _asks_before(told),
            }
        case "simpo" | "cpo":
            is_simpo = recipe.method == "simpo"
            shared |= {
                "loss_type": "simpo" if is_simpo else _loss(recipe),
                "cpo_alpha": 0.0 if is_simpo else recipe.cpo_alpha,
                "simpo_gamma": recipe.simpo_gamma,
                "label_smoothing": recipe.label_smoothing,
            }
    return shared


def beta(recipe: Recipe) -> float | None:
    """The recipe's, or the method's own."""
    return methods.METHODS[recipe.method].beta if recipe.beta is None else recipe.beta


def _loss(recipe: Recipe) -> str:
    return recipe.loss_type or methods.METHODS[recipe.method].loss_types[0]


def _asks_before(told: Told) -> bool:
    """Whether the reference is asked about all rows before the training, as engine.workers.train.family_preference."""
    recipe, rows = told.recipe, told.facts.rows or 0
    if recipe.precompute_ref_log_probs is not None:
        return recipe.precompute_ref_log_probs
    processes = told.facts.processes or 1
    if parallelism.Spread(recipe.strategy, processes, 1).divides_weights:
        return False
    rows_a_step = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps * processes
    seen = recipe.max_steps * rows_a_step if recipe.max_steps > 0 else recipe.num_train_epochs * rows
    return seen > rows
