"""The methods of training: what each learns from, which fields of a recipe are its own, and where to start.

Fields that are in no method's list belong to all of them.
"""

from dataclasses import dataclass
from typing import get_args

from engine.recipes.choices.methods import DpoLoss, GroupLoss, KtoLoss
from engine.recipes.choices.tunings import TUNINGS, leaves_model
from engine.recipes.fields.distillation import Teaching
from engine.recipes.fields.generation import Answers


@dataclass(frozen=True)
class Method:
    """`beta` and the first of `loss_types` are what an empty field means; `rates` are good starts for lora and full.

    `measure` is the metric on held-out rows that says which of two models of one training is the better one.
    """

    kinds: tuple[str, ...]  # of dataset
    fields: tuple[str, ...]
    rates: tuple[float, float] = (2e-5, 1e-6)
    beta: float | None = None
    loss_types: tuple[str, ...] = ()
    measure: str = "eval_loss"
    greater_is_better: bool = False  # of `measure`

    def rate(self, tuning: str) -> float:
        """A good learning rate to start with, of one digit."""
        rate = self.rates[1] if leaves_model(tuning) else self.rates[0]
        return float(f"{rate * TUNINGS[tuning].rate:.0e}")


_TEXT = ("assistant_only_loss", "packing", "eval_fraction", "eval_steps", "neftune_noise_alpha")
_JUDGED = ("eval_fraction", "eval_steps")
_ANSWERED = tuple(Answers.model_fields)

METHODS: dict[str, Method] = {
    "sft": Method(("chat", "completion"), _TEXT, (2e-4, 2e-5)),
    "cpt": Method(("text",), _TEXT, (2e-4, 2e-5)),
    "dpo": Method(
        ("preference",),
        (*_JUDGED, "beta", "loss_type", "label_smoothing", "precompute_ref_log_probs"),
        beta=0.1,
        loss_types=get_args(DpoLoss),
    ),
    "orpo": Method(("preference",), (*_JUDGED, "beta"), (5e-5, 8e-6), beta=0.1),
    "kto": Method(
        ("unpaired",),
        (*_JUDGED, "beta", "loss_type", "desirable_weight", "undesirable_weight", "precompute_ref_log_probs"),
        beta=0.1,
        loss_types=get_args(KtoLoss),
    ),
    "simpo": Method(("preference",), (*_JUDGED, "beta", "simpo_gamma", "label_smoothing"), beta=2.0),
    "cpo": Method(
        ("preference",),
        (*_JUDGED, "beta", "loss_type", "label_smoothing", "cpo_alpha"),
        beta=0.1,
        loss_types=("sigmoid", "hinge", "ipo"),
    ),
    "reward": Method(("preference",), (*_JUDGED, "center_rewards_coefficient"), (1e-4, 1e-5)),
    "grpo": Method(
        ("prompt", "completion"),
        (*_JUDGED, *_ANSWERED, "beta", "loss_type"),
        beta=0.0,
        loss_types=get_args(GroupLoss),
        measure="eval_reward",
        greater_is_better=True,
    ),
    "rloo": Method(
        ("prompt", "completion"),
        (*_JUDGED, *_ANSWERED, "beta"),
        beta=0.05,
        measure="eval_reward",
        greater_is_better=True,
    ),
    "gkd": Method(
        ("chat", "completion"),
        (*_JUDGED, *Teaching.model_fields, "temperature", "max_completion_length"),
        (5e-5, 5e-6),
    ),
}

OWN_FIELDS = frozenset(field for method in METHODS.values() for field in method.fields)
RATES = frozenset(method.rate(tuning) for method in METHODS.values() for tuning in TUNINGS)
GENERATING = ("grpo", "rloo")  # methods that learn from answers the model gives while it trains
REWARDS = ("exact_match", "regex", "json_schema", "length", "python", "reward_model")


def uses(method: str, field: str) -> bool:
    """Whether the method reads that field of a recipe."""
    return field not in OWN_FIELDS or (method in METHODS and field in METHODS[method].fields)


def for_kind(kind: str | None) -> str | None:
    """The method one would try first with a dataset of that kind."""
    return next((name for name, method in METHODS.items() if kind in method.kinds), None)


def answered_share(method: str, lmbda: float, seq_kd: bool) -> float:
    """The share of the steps before which a model has to write the answers."""
    if method == "gkd":
        return 1.0 if seq_kd else lmbda
    return float(method in GENERATING)


def reference_is_kept(method: str, tuning: str, beta: float | None) -> bool:
    """Whether a second copy of the model is held: an adapter needs none, its base is the reference."""
    used_beta = METHODS[method].beta if beta is None else beta
    return leaves_model(tuning) and (method in ("dpo", "kto") or (method in GENERATING and bool(used_beta)))
