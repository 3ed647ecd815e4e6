"""The rule on held-out rows: their loss rises while that of the rows learnt from falls."""

from typing import Any

from engine.runs.doctor.curve_rules import LATER_EVALUATIONS, RISE, SURE_RISE, Overfitting
from engine.runs.doctor.curve_rules import Finding as Change
from engine.runs.doctor.evidence import Case, Finding, Rule


def overfitting(case: Case) -> Finding | None:
    evaluations = case.curve("eval_loss")
    if case.by_reward or len(evaluations) <= LATER_EVALUATIONS:
        return None
    changes = _watched(case)
    if changes is None:
        return None
    risen, fallen = changes
    kept = (
        "The best checkpoint is the result." if case.recipe.load_best_model_at_end else f"Step {risen.since} was best."
    )
    return Finding(
        "info" if case.recipe.load_best_model_at_end else "warning",
        f"The held-out loss rises since step {risen.since} ({risen.before:.4g}, then {risen.now:.4g}) while the "
        f"training loss falls ({fallen.before:.4g} to {fallen.now:.4g}): the model learns its rows by heart. {kept}",
        "eval_loss", risen.since, evaluations.last_step, _remedy(case, risen.since),
    )  # fmt: skip


def _watched(case: Case) -> tuple[Change, Change] | None:
    """What the watch of the worker itself says of these points, unless a later evaluation was the best again."""
    watch, changes = Overfitting(), None
    loss, evaluations = case.curve("loss"), case.curve("eval_loss")
    taken = 0
    for step, value in zip(evaluations.steps, evaluations.values, strict=True):
        while taken < len(loss) and loss.steps[taken] <= step:
            watch.learnt(float(loss.values[taken]))
            taken += 1
        changes = watch(int(step), float(value)) or (changes if watch.reported else None)
    return changes


def _remedy(case: Case, best_step: int) -> dict[str, Any]:
    if case.recipe.load_best_model_at_end:
        return {"max_steps": best_step} if best_step else {}
    return {"load_best_model_at_end": True, "early_stopping_patience": LATER_EVALUATIONS}


RULES = (
    Rule(
        "held_out_rises", "Held-out loss rises while loss falls",
        f"{LATER_EVALUATIONS} evaluations or more lie at least {RISE:.0%} above the best and rise ({SURE_RISE:.0%} if "
        "they do not), and the training loss is lower than it was then. The same watch notes it while the run trains.",
        "Keep the best checkpoint and end when evaluations get no better. Only a remark where that is on already.",
        overfitting,
    ),
)  # fmt: skip
