"""Rules of the doctor against recorded trainings: what fires on which. Everything that is not named here is silent."""

from engine.runs.doctor import rules
from tests.curves.trainings import TRAININGS

# A training that is wrong on purpose -> the rule it was made for, then what else is true of it, and why.
FIRES: dict[str, dict[str, str]] = {
    "not_a_number": {"loss_not_a_number": "", "gradients_exploding": "They grow until the loss is no number."},
    "rate_far_too_high": {"gradients_exploding": "", "learning_rate_high": "It is why they do."},
    "zero_loss": {"zero_loss": "", "margins_explode": "A hinge of 0 is a margin far past what it asks."},
    "flat": {"flat_loss": ""},
    "rate_low": {"learning_rate_low": ""},
    "rate_high": {"learning_rate_high": ""},
    "spike": {"loss_spike": ""},
    "gradients_vanish": {"gradients_vanishing": "", "learning_rate_high": "A rate 100 times too high saturates it."},
    "overfit": {"held_out_rises": ""},
    "clipped_answers": {"answers_clipped": ""},
    "all_alike": {"answers_alike": ""},
    "saturated": {"reward_saturated": ""},
    "length_grows": {"length_grows": ""},
    "margins_explode": {"margins_explode": ""},
    "too_few_steps": {"too_few_steps": ""},
    "order_lost": {"order_lost": ""},
    "memory_near_limit": {"memory_near_limit": ""},
    "data_bound": {"data_bound": ""},
}


def cells() -> dict[tuple[str, str], bool]:
    """(rule, training) -> whether it fires, for every rule and every training."""
    return {(rule.name, name): rule.name in FIRES.get(name, {}) for rule in rules.RULES for name in TRAININGS}
