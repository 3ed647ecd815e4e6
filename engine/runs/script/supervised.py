"""Supervised fine-tuning and continued pre-training as code: chats, pairs and texts, answers learnt or everything."""

from dataclasses import replace

from engine.runs.script import evaluation, weights
from engine.runs.script.parts import Parts, joined
from engine.runs.script.told import Told

ROWS = {"chat": ("chat", "rows_chat"), "completion": ("chat", "rows_completion"), "text": ("rows_text",)}


def parts(told: Told) -> Parts:
    """For TRL's SFTTrainer."""
    recipe, base, read = told.recipe, _weighed(told, weights.of(told)), evaluation.of(told)
    kind = ROWS[told.spec["dataset_kind"]]
    row_imports, rows = joined("reading", "tokens", *kind, "rows_divided", *read.pieces, *_packing(told))
    trainer_imports, trainer = joined(*base.pieces, order(told), "following", *base.mixed_in, "trainer_sft")
    answers_only = recipe.assistant_only_loss and recipe.method == "sft"
    return Parts(
        imports=[*row_imports, *trainer_imports, *base.imports],
        requirements=base.requirements,
        rows=rows,
        trainer=base.with_mixin(trainer),
        constants={"ANSWERS_ONLY": answers_only, **read.constants, **base.constants},
        remarks=base.remarks,
    )


def _weighed(told: Told, base: weights.Weights) -> weights.Weights:
    """With steps that pull by their learnt tokens, where the run's did."""
    if told.facts.usual_labels is None:
        return base
    constants = {**base.constants, "USUAL_LABELS": told.facts.usual_labels}
    return replace(base, constants=constants, mixed_in=[*base.mixed_in, "weighed_steps"])


def _packing(told: Told) -> tuple[str, ...]:
    if not told.facts.packing:
        return ("unpacked_batches",)
    flat = (told.facts.attention or "").startswith("flash")
    return "packing", "packed_flat" if flat else "packed_batches"


def order(told: Told) -> str:
    """The piece with the order of rows."""
    pieces = {"group_by_length": "order_grouped", "random": "order_random", "sequential": "order_sequential"}
    return pieces[told.recipe.train_sampling_strategy]
