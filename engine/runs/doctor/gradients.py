"""Rules on the gradient norm: it explodes, or vanishes while there is still something to learn."""

import numpy

from engine.runs.doctor import causes, shape
from engine.runs.doctor.evidence import Case, Finding, Rule
from engine.runs.doctor.loss import CALMER, ENOUGH, RATE_IS_LOW, lower_rate, usual_rate

EXPLODES, LARGE = 20.0, 10.0  # times the norm of the first window; and at least that norm
VANISHES = 1e-3  # share of the largest norm of a window
DECAYS = 0.01  # share of a weight in one step
LEARNT = 0.5  # share of the first loss; below it a small gradient is what one wants


def exploding(case: Case) -> Finding | None:
    curve = case.with_infinity("grad_norm")
    if len(curve) < ENOUGH:
        return None
    width = shape.window(curve)
    norms = shape.rolling(curve.values, width)
    start = float(norms[0])
    above = numpy.flatnonzero(norms > max(EXPLODES * start, LARGE))
    if start <= 0 or above.size == 0:
        return None
    lowered = lower_rate(case, 10)
    clip = case.recipe.max_grad_norm
    clipped = f"They are clipped at {clip:g}" if 0 < clip <= 1 else "They are hardly clipped (max_grad_norm)"
    return Finding(
        "warning",
        f"The gradients explode: a norm of {start:.3g} at first, {norms.max():.3g} at its height. {clipped}; "
        f"learning_rate {case.recipe.learning_rate:g} is too high for that, try {lowered:g}.",
        "grad_norm", int(curve.steps[above[0]]), int(curve.steps[above[-1] + width - 1]),
        {"learning_rate": lowered, **CALMER},
    )  # fmt: skip


def vanishing(case: Case) -> Finding | None:
    curve, loss = case.curve("grad_norm"), case.curve("loss")
    if case.by_reward or len(curve) < shape.LEAST_WINDOW or len(loss) < shape.LEAST_WINDOW:
        return None
    if case.cause == causes.NO_GRADIENT:
        return _vanished(case, 0.0)
    if len(curve) < ENOUGH:
        return None
    largest = float(shape.rolling(curve.values, shape.window(curve)).max())
    now = shape.middle(shape.last_quarter(curve))
    started, ended = float(loss.values[0]), shape.middle(shape.last_quarter(loss))
    if now > VANISHES * largest or ended <= LEARNT * abs(started):
        return None
    return _vanished(case, now)


def _vanished(case: Case, now: float) -> Finding:
    curve, loss = case.curve("grad_norm"), case.curve("loss")
    rate, usual = case.recipe.learning_rate, usual_rate(case)
    too_high = rate > usual * RATE_IS_LOW
    decay = {"weight_decay": 0.0} if rate * case.recipe.weight_decay > DECAYS else {}
    advice = (
        f"learning_rate {rate:g} has driven the weights where nothing moves; {usual:g} is usual."
        if too_high
        else "Look whether the rows have something to learn (do two answers differ?); other target_modules, another "
        "tuning or another loss_type may move it."
    )
    remedy = {"learning_rate": usual, **decay} if too_high else {}
    return Finding(
        "warning",
        f"The gradients have vanished: a norm of {now:.3g} in the last quarter, after {curve.values.max():.3g}, while "
        f"the loss is still {shape.middle(shape.last_quarter(loss)):.4g}. {advice}",
        "grad_norm", shape.quarter_begins(curve), curve.last_step, remedy,
    )  # fmt: skip


RULES = (
    Rule(
        "gradients_exploding", "Gradients explode",
        f"The median norm of a stretch of points is more than {EXPLODES:g} times that of the first, and above "
        f"{LARGE:g}.",
        "A tenth of the learning rate, ten steps of warm-up, gradients clipped at 1.", exploding,
    ),
    Rule(
        "gradients_vanishing", "Gradients vanish",
        f"The norm of the last quarter is less than a thousandth of the largest, and the loss is still more than "
        f"{LEARNT:.0%} of its start; or the worker ended the training because gradients were 0.",
        "The usual learning rate where the recipe's is far above it; else other layers, tuning or loss.", vanishing,
    ),
)  # fmt: skip
