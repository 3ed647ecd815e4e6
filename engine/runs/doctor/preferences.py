"""The rule on preferences (DPO, KTO, SimPO ...): the margin between good and bad answers explodes."""

import numpy

from engine.runs.doctor import shape
from engine.runs.doctor.evidence import Case, Finding, Rule
from engine.runs.doctor.loss import ENOUGH, lower_rate

EXPLODES = 10.0  # the good answer against the bad one is 22,000 times likelier than before (of beta 1)


def margins(case: Case) -> Finding | None:
    curve = case.curve("rewards/margins")
    if len(curve) < ENOUGH:
        return None
    first, last = float(curve.values[0]), shape.middle(shape.last_quarter(curve))
    if last - first < EXPLODES:
        return None
    above = numpy.flatnonzero(curve.values - first >= EXPLODES)
    lowered = lower_rate(case, 5)
    return Finding(
        "warning",
        f"The margin between good and bad answers grew from {first:.3g} to {last:.3g}{_chosen(case)}: the model leaves "
        f"its base far behind. Learn more gently, with learning_rate {lowered:g}, or for fewer steps.",
        "rewards/margins", int(curve.steps[above[0]]), curve.last_step, {"learning_rate": lowered},
    )  # fmt: skip


def _chosen(case: Case) -> str:
    """That the good answers got less likely too, where they did."""
    chosen = case.curve("rewards/chosen")
    if len(chosen) < ENOUGH:
        return ""
    first, last = shape.middle(chosen.values[:3]), shape.middle(shape.last_quarter(chosen))
    return f", and the good answers became less likely too (reward {first:.3g} to {last:.3g})" if last < first else ""


RULES = (
    Rule(
        "margins_explode", "Margins explode",
        f"rewards/margins of the last quarter lie {EXPLODES:g} or more above the first point.",
        "A fifth of the learning rate.", margins,
    ),
)  # fmt: skip
