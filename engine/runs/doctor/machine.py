"""Rules on the machine and on the course of a run: waiting for rows, memory, a resume that lost its place."""

import numpy

from engine import sizes
from engine.runs import healing
from engine.runs.doctor import shape
from engine.runs.doctor.evidence import Case, Finding, Rule

ENOUGH = 10  # points
WAITS = 0.3  # share of the time
NEAR = 0.92  # share of the memory


def data_bound(case: Case) -> Finding | None:
    curve = case.curve("data_wait_share")
    if len(curve) < ENOUGH:
        return None
    share = shape.middle(curve.values[-max(ENOUGH, len(curve) // 2) :])
    if share <= WAITS:
        return None
    return Finding(
        "warning",
        f"The device waits for rows {share:.0%} of the time. Its disk or its processor is busy with something else, or "
        "slow: end other work there, or put the studio's home on a faster disk.",
        "data_wait_share", int(curve.steps[-max(ENOUGH, len(curve) // 2)]), curve.last_step,
    )  # fmt: skip


def memory(case: Case) -> Finding | None:
    curve, total = case.curve("peak_memory_bytes"), case.facts.memory_bytes or 0
    last_step = curve.last_step if len(curve) else 0
    fewer = healing.smaller(case.recipe.model_dump(), case.facts)
    remedy = dict(fewer.adjustments) if fewer else {}
    advice = f"Try {fewer.words}." if fewer else "Use a smaller max_length, an 8-bit optim or a smaller model."
    if case.failure == "memory":
        message = f"There was not enough memory after step {last_step}. {advice}"
        return Finding("error", message, "peak_memory_bytes", last_step, last_step, remedy)
    if not len(curve) or not total or curve.values[-1] <= NEAR * total:
        return None
    near = numpy.flatnonzero(curve.values > NEAR * total)
    used = float(curve.values[-1])
    return Finding(
        "warning",
        f"The training has taken {sizes.in_words(int(used))} of {sizes.in_words(total)}, {used / total:.0%}: one "
        f"longer row may end it. {advice}",
        "peak_memory_bytes", int(curve.steps[near[0]]), last_step, remedy,
    )  # fmt: skip


def order_lost(case: Case) -> Finding | None:
    changed, step = case.facts.order_changed, case.facts.resumed_from_step
    if not changed or step is None:
        return None
    loss = case.curve("loss")
    what = " and ".join(
        f"{before} {NAMES.get(name, name)} before and {now} since" for name, (before, now) in changed.items()
    )
    return Finding(
        "warning",
        f"The run was resumed at step {step} with another order of rows ({what}): some rows were learnt twice and some "
        "never. Start again, or trust the result less.",
        "loss", step, max(step, loss.last_step if len(loss) else step),
    )  # fmt: skip


NAMES = {"rows": "rows to learn from", "rows_a_step": "rows a step", "seed": "as the seed"}

RULES = (
    Rule(
        "data_bound", "The device waits for data",
        f"In the last half of the points it waited for rows more than {WAITS:.0%} of the time (data_wait_share).",
        "No field of the recipe helps: less other work on the machine, or a faster disk.", data_bound,
    ),
    Rule(
        "memory_near_limit", "Memory near its limit",
        f"The most memory taken (peak_memory_bytes) is more than {NEAR:.0%} of what the device has, or the training "
        "ended for want of it.",
        "Fewer rows at once and more steps of accumulation, as the studio itself would try next.", memory,
    ),
    Rule(
        "order_lost", "Resumed with the order of rows lost",
        "A resume found another number of rows, of rows a step, or another seed than its checkpoint was made with: the "
        "order of rows follows from these.",
        "No field of the recipe helps: start again.", order_lost,
    ),
)  # fmt: skip
