"""Rules on methods that learn from their own answers (GRPO, RLOO), by the names that TRL gives its metrics."""

from typing import Any

import numpy

from engine.recipes.choices.commas import words
from engine.runs.doctor import causes, shape
from engine.runs.doctor.evidence import Case, Curve, Finding, Rule

ENOUGH = 8  # points
CLIPPED = 0.5  # share of the answers
ALIKE = 0.8  # share of the groups
NO_SPREAD = 1e-6  # of a reward
LONGER = 1.5  # times
GAIN = 0.1  # of the reward's spread
STRONGER_BETA = 0.04  # TRL's own default of earlier versions


def clipped(case: Case) -> Finding | None:
    curve = case.curve("completions/clipped_ratio")
    if len(curve) < ENOUGH:
        return None
    share = shape.middle(shape.last_quarter(curve))
    if share <= CLIPPED:
        return None
    longest = case.recipe.max_completion_length
    return Finding(
        "warning",
        f"{share:.0%} of the answers were cut at {longest} tokens before they ended: they are judged by half of what "
        "they would say. Allow longer answers, or ask for short ones in the prompt.",
        "completions/clipped_ratio", shape.begin_of_end(curve, curve.values > CLIPPED), curve.last_step,
        {"max_completion_length": longest * 2},
    )  # fmt: skip


def saturated(case: Case) -> Finding | None:
    names = words(case.recipe.reward_funcs)
    if not case.by_reward or len(names) < 2:  # with one alone the answers are all alike, which is a rule of its own
        return None
    for name in names:
        spread, mean = case.curve(f"rewards/{name}/std"), case.curve(f"rewards/{name}/mean")
        if min(len(spread), len(mean)) < ENOUGH or shape.last_quarter(spread).max() > NO_SPREAD:
            continue
        since = shape.begin_of_end(spread, spread.values <= NO_SPREAD)
        return Finding(
            "warning",
            f"The reward {name} gives every answer {shape.middle(shape.last_quarter(mean)):.3g} since step {since}: it "
            "no longer tells answers apart. Drop it, or make it harder.",
            f"rewards/{name}/mean", since, mean.last_step, _without(case, names, name),
        )  # fmt: skip
    return None


def _without(case: Case, names: list[str], name: str) -> dict[str, Any]:
    kept = [index for index, other in enumerate(names) if other != name]
    weights = words(case.recipe.reward_weights)
    remedy = {"reward_funcs": ", ".join(names[index] for index in kept)}
    if len(weights) == len(names):
        remedy["reward_weights"] = ", ".join(weights[index] for index in kept)
    return remedy


def alike(case: Case) -> Finding | None:
    curve = case.curve("frac_reward_zero_std")
    ended_by_it = case.cause == causes.ALL_ALIKE
    if len(curve) < ENOUGH:
        return None
    share = shape.middle(curve.values[-max(ENOUGH, len(curve) // 2) :])
    if share < ALIKE and not ended_by_it:
        return None
    temperature = case.recipe.temperature
    hotter = min(round(temperature + 0.3, 2), 1.5)
    return Finding(
        "error" if ended_by_it else "warning",
        f"In {share:.0%} of the groups all {case.recipe.num_generations} answers got the same reward, so nothing was "
        "learnt from them. Use a reward with steps between all and nothing, prompts of another difficulty, or more "
        f"varied answers: temperature is {temperature:g}.",
        "frac_reward_zero_std", shape.begin_of_end(curve, curve.values >= ALIKE), curve.last_step,
        {"temperature": hotter} if hotter > temperature else {},
    )  # fmt: skip


def growing(case: Case) -> Finding | None:
    length, reward = case.curve("completions/mean_length"), case.curve("reward")
    if min(len(length), len(reward)) < 2 * ENOUGH:
        return None
    first, last = shape.middle(shape.first_quarter(length)), shape.middle(shape.last_quarter(length))
    if last < LONGER * first or first <= 0 or _gained(reward):
        return None
    return Finding(
        "warning",
        f"The answers grow from {first:.0f} to {last:.0f} tokens and the reward does not "
        f"({shape.middle(shape.first_quarter(reward)):.3g}, then {shape.middle(shape.last_quarter(reward)):.3g}): the "
        "model pads. Hold it to its base with beta, or reward short answers.",
        "completions/mean_length", _since_longer(length, first), length.last_step,
        {"beta": (case.recipe.beta or STRONGER_BETA / 2) * 2},
    )  # fmt: skip


def _gained(reward: Curve) -> bool:
    """Whether the reward has risen, noise and all, by a tenth of what it ever moved."""
    fallen, error = shape.fall(reward)
    spread = float(reward.values.max() - reward.values.min())
    return -fallen > max(2 * error, GAIN * spread)


def _since_longer(length: Curve, first: float) -> int:
    longer = numpy.flatnonzero(length.values > LONGER * first)
    return int(length.steps[longer[0] if longer.size else 0])


RULES = (
    Rule(
        "answers_clipped", "Clipped answers",
        f"More than {CLIPPED:.0%} of the answers of the last quarter reached max_completion_length (TRL's "
        "completions/clipped_ratio).",
        "Twice the max_completion_length.", clipped,
    ),
    Rule(
        "reward_saturated", "A reward is saturated",
        "One of several rewards has given every answer the same number in the last quarter (rewards/NAME/std is 0).",
        "The recipe without that reward.", saturated,
    ),
    Rule(
        "answers_alike", "All answers of a group alike",
        f"In {ALIKE:.0%} of the groups or more of the last half all answers got the same reward "
        "(frac_reward_zero_std).",
        "A higher temperature, up to 1.5.", alike,
    ),
    Rule(
        "length_grows", "Length grows without reward",
        f"The mean length of the last quarter is {LONGER:g} times that of the first, and the reward has not risen.",
        "A beta that holds the model to its base: 0.04, or twice what it was.", growing,
    ),
)  # fmt: skip
