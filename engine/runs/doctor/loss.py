"""Rules on the loss: no number, zero, flat, risen, fallen too slowly, jumped."""

import numpy

from engine.recipes.methods import METHODS
from engine.runs.doctor import causes, shape
from engine.runs.doctor.curve_rules import ZERO
from engine.runs.doctor.evidence import Case, Curve, Finding, Rule

ENOUGH = 20  # points, before a curve says anything
SURE = 3.0  # standard errors
ZEROS = 5  # points in a row
FLAT = 0.01  # share of the loss
RISE, RISE_SPREAD, RISE_UNUSUAL = 0.3, 4.0, 1.0  # share of the start; times the spread, also for an unusual rate
JUMP, JUMP_SPREAD, STAYS = 0.3, 3.0, 0.5  # the same of a jump; share of it that has to stay
STRAIGHT = 0.62  # a straight line has half of its fall in its first half; a curve that settles has more
RATE_IS_LOW, RATE_IS_HIGH = 3.0, 10.0  # times below, above the method's usual
FURTHER = 100  # steps that say something


def usual_rate(case: Case) -> float:
    """A good learning rate for the recipe's method and tuning."""
    return METHODS[case.recipe.method].rate(case.recipe.tuning)


def lower_rate(case: Case, times: float) -> float:
    """A rate of so many times less, of two digits."""
    return float(f"{case.recipe.learning_rate / times:.1e}")


def falling(case: Case) -> Curve | None:
    """The loss, where it has to fall and is long enough to say whether it does."""
    curve = case.curve("loss")
    return None if case.by_reward or len(curve) < ENOUGH else curve


def no_number(case: Case) -> Finding | None:
    loss, rate = case.curve("loss"), case.curve("learning_rate")
    last = loss.last_step if len(loss) else 0
    logged = rate.last_step if len(rate) else 0
    if case.cause != causes.NOT_A_NUMBER and logged <= last:  # what is no number is not kept as a point
        return None
    lowered = lower_rate(case, 10)
    return Finding(
        "error",
        f"The loss is no number after step {last}: numbers overflowed at learning_rate {case.recipe.learning_rate:g}. "
        f"Train with {lowered:g}, a warm-up and max_grad_norm 1.",
        "loss", last, max(last, logged), {"learning_rate": lowered, **CALMER},
    )  # fmt: skip


CALMER = {"max_grad_norm": 1.0, "warmup_steps": 10}


def zero(case: Case) -> Finding | None:
    curve = case.curve("loss")
    if case.by_reward or len(curve) < ZEROS or numpy.any(numpy.abs(curve.values[-ZEROS:]) > ZERO):
        return None
    since = shape.begin_of_end(curve, numpy.abs(curve.values) <= ZERO)
    if since == curve.steps[0]:
        message = f"The loss is 0 from the first step to step {curve.last_step}: the rows give nothing to learn."
        advice = " Look at the dataset's tokens: is there an answer within max_length, and do the two answers differ?"
        return Finding("error", message + advice, "loss", since, curve.last_step)
    message = f"The loss is 0 since step {since}: nothing is left to learn. {since} steps are enough for these rows."
    return Finding("warning", message, "loss", since, curve.last_step, {"max_steps": since})


def flat(case: Case) -> Finding | None:
    curve = falling(case)
    if curve is None:
        return None
    start = shape.middle(shape.first_quarter(curve))
    fall, error = shape.fall(curve)
    if abs(start) <= ZERO or abs(fall) + 2 * error > FLAT * abs(start):
        return None
    usual, rate = usual_rate(case), case.recipe.learning_rate
    too_low = rate < usual / RATE_IS_LOW
    reason = (
        f"learning_rate {rate:g} is far below {usual:g}, which is usual for {case.recipe.method} with "
        f"{case.recipe.tuning}."
        if too_low
        else "The learning rate is not too low, so look at the rows: can the answers be learnt from the prompts?"
    )
    return Finding(
        "warning",
        f"The loss is flat from the start: {start:.4g} in the first quarter of {len(curve)} points, "
        f"{start - fall:.4g} in the last. {reason}",
        "loss", int(curve.steps[0]), curve.last_step, {"learning_rate": usual} if too_low else {},
    )  # fmt: skip


def rate_high(case: Case) -> Finding | None:
    curve = case.curve("loss")
    if case.cause == causes.DIVERGED and len(curve):
        return _too_high(case, curve, int(curve.values.argmin()), "The loss has diverged")
    # In order, easy rows may stand before hard ones; and only a loss that cannot be 0 has ratios.
    if falling(case) is None or _in_order(case) or curve.values.min() <= 0:
        return None
    ratios = numpy.log(curve.values / curve.values[0])  # the first point is of the untouched weights
    width = shape.window(curve)
    unusual = case.recipe.learning_rate > RATE_IS_HIGH * usual_rate(case)
    spread = shape.spread(ratios[len(curve) // 2 :], width)
    limit = max(float(numpy.log(1 + RISE)), (RISE_UNUSUAL if unusual else RISE_SPREAD) * spread)
    above = numpy.flatnonzero(shape.rolling(ratios, width) > limit)
    if above.size == 0:
        return None
    return _too_high(case, curve, int(above[0]))


def _in_order(case: Case) -> bool:
    return case.recipe.train_sampling_strategy == "sequential"


def _too_high(case: Case, curve: Curve, since: int, words: str = "") -> Finding:
    rate, lowered = case.recipe.learning_rate, lower_rate(case, 10)
    start, end = float(curve.values[0]), shape.middle(shape.last_quarter(curve))
    is_above = bool(words) or end > (1 + RISE) * start
    words = words or ("The loss is far above its start" if is_above else "The loss rose far above its start at first")
    return Finding(
        "error" if is_above else "warning",
        f"{words}: {start:.4g}, then up to {curve.values[since:].max():.4g}, and {end:.4g} in the last quarter. "
        f"learning_rate {rate:g} is too high; try {lowered:g} with a warm-up.",
        "loss", int(curve.steps[since]), curve.last_step, {"learning_rate": lowered, **CALMER},
    )  # fmt: skip


def rate_low(case: Case) -> Finding | None:
    curve, rate = falling(case), case.recipe.learning_rate
    usual = usual_rate(case)
    if curve is None or rate > usual / RATE_IS_LOW or not _nearly_done(case, curve):
        return None
    fall, error = shape.fall(curve)
    start = shape.middle(shape.first_quarter(curve))
    if fall < SURE * error or fall <= FLAT * abs(start) or _early_share(case, curve) > STRAIGHT:
        return None
    return Finding(
        "warning",
        f"The loss falls slowly and in a straight line, {start:.4g} to {start - fall:.4g}, and has not begun to "
        f"settle: learning_rate {rate:g} is low. {usual:g} is usual for {case.recipe.method} with "
        f"{case.recipe.tuning}.",
        "loss", int(curve.steps[0]), curve.last_step, {"learning_rate": usual},
    )  # fmt: skip


def _nearly_done(case: Case, curve: Curve) -> bool:
    return case.ended or bool(case.max_steps and curve.last_step > 0.8 * case.max_steps)


def _early_share(case: Case, curve: Curve) -> float:
    """The share of the fall that came in the first half of what was learnt: steps, each weighed by its rate."""
    rate = case.curve("learning_rate")
    rates = numpy.interp(curve.steps, rate.steps, rate.values) if len(rate) else numpy.ones(len(curve))
    learnt = numpy.cumsum(rates)
    third = learnt[-1] / 3
    parts = [curve.values[(learnt > third * n) & (learnt <= third * (n + 1))] for n in range(3)]
    if min(part.size for part in parts) < LEAST_OF_A_PART:
        return 1.0
    first, second, last = (shape.middle(part) for part in parts)
    return (first - second) / (first - last) if first > last else 1.0


LEAST_OF_A_PART = 3  # points


def spike(case: Case) -> Finding | None:
    curve = falling(case)
    if curve is None:
        return None
    width = shape.window(curve)
    medians = shape.rolling(curve.values, width)
    if medians.size <= 2 * width:
        return None
    before, after = medians[:-width], medians[width:]
    # What stays: the lowest median from there to the end.
    stays = numpy.minimum.accumulate(after[::-1])[::-1] - before
    at = int((after - before).argmax())
    jump, start = float(after[at] - before[at]), float(curve.values[0])
    limit = max(JUMP * abs(float(before[at])), JUMP_SPREAD * shape.spread(curve.values, width))
    in_order = _in_order(case)
    has_diverged = not in_order and after[at] > start + RISE * abs(start)  # another rule's
    if jump < limit or stays[at] < STAYS * jump or has_diverged:
        return None
    step = int(curve.steps[at + width])
    advice = "The rows come in their order: shuffle them." if in_order else "Try a lower learning_rate, and look at "
    advice += "" if in_order else "the rows of these steps."
    remedy = {"train_sampling_strategy": "random"} if in_order else {"learning_rate": lower_rate(case, 3), **CALMER}
    return Finding(
        "warning",
        f"The loss jumped from {before[at]:.4g} to {after[at]:.4g} about step {step} and did not come back. {advice}",
        "loss", step, curve.last_step, remedy,
    )  # fmt: skip


def too_few(case: Case) -> Finding | None:
    curve = case.curve("reward" if case.by_reward else "loss")
    planned = case.max_steps or 0
    if len(curve) == 0 or len(curve) >= ENOUGH or not (case.ended or (planned and planned < ENOUGH)):
        return None
    name = "reward" if case.by_reward else "loss"
    steps = max(planned, curve.last_step)
    if steps >= ENOUGH:
        message = f"{len(curve)} points of the {name} in {steps} steps are too few to say anything. Log more often."
        remedy = {"logging_steps": max(1, steps // FURTHER)}
        if case.recipe.logging_steps <= remedy["logging_steps"]:
            return None  # it ended early
        return Finding("info", message, name, int(curve.steps[0]), curve.last_step, remedy)
    message = f"{steps} steps are too few to say whether it learns; {FURTHER} say something."
    return Finding("info", message, name, int(curve.steps[0]), curve.last_step, {"max_steps": FURTHER})


RULES = (
    Rule(
        "loss_not_a_number", "The loss is no number",
        "The worker ended the training at a loss that is NaN or infinite, or steps were logged without a loss.",
        "A tenth of the learning rate, ten steps of warm-up, gradients clipped at 1.", no_number,
    ),
    Rule(
        "zero_loss", "Zero loss",
        f"The last {ZEROS} points of the loss or more are 0. From the first step on it is an error. Not asked of "
        "methods that learn from rewards.",
        "From the start: look at the tokens, nothing is learnt from. Later: fewer steps are enough.", zero,
    ),
    Rule(
        "flat_loss", "Flat from the start",
        f"First and last quarter of at least {ENOUGH} points differ by less than {FLAT:.0%} of the loss, noise "
        "included.",
        "The usual learning rate of method and tuning, where the recipe's is far below it; else look at the rows.",
        flat,
    ),
    Rule(
        "loss_spike", "A spike that does not return",
        f"From one stretch of points to the next the loss jumps by more than {JUMP:.0%} and {JUMP_SPREAD:g} times the "
        "spread of the points, and at least half of that stays to the end.",
        "Shuffled rows where they came in order; else a third of the learning rate, and a look at those rows.", spike,
    ),
    Rule(
        "learning_rate_high", "Learning rate too high",
        f"The loss is, or was for a while, more than {RISE:.0%} above its first point, and by more than "
        f"{RISE_SPREAD:g} times the spread of its points (or by one spread, where the rate is {RATE_IS_HIGH:g} times "
        "the usual); or the worker ended the training because it diverged. Not asked where rows come in their order.",
        "A tenth of the learning rate, ten steps of warm-up, gradients clipped at 1.", rate_high,
    ),
    Rule(
        "learning_rate_low", "Learning rate too low",
        "The loss falls in a straight line (over the sum of learning rates) and does not settle, and the rate is less "
        "than a third of what is usual for method and tuning. Said near the end.",
        "The usual learning rate of method and tuning.", rate_low,
    ),
    Rule(
        "too_few_steps", "Too few steps to say",
        f"Fewer than {ENOUGH} points when the run has ended, or fewer than {ENOUGH} steps planned.",
        f"{FURTHER} steps, or more points.", too_few,
    ),
)  # fmt: skip
