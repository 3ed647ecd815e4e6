"""What the methods that learn from judged answers have of their own."""

from typing import ClassVar

from pydantic import BaseModel, Field

from engine.recipes.choices.methods import LossType


class Preferences(BaseModel):
    """What the methods that learn from judged answers have of their own."""

    TITLE: ClassVar = "This method"

    beta: float | None = Field(
        default=None,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="Beta",
        description="How much staying close to the starting model (or the preference itself, in orpo) counts. Empty: "
        "the usual, 0.1, in simpo 2, in rloo 0.05, in grpo 0.",
    )
    loss_type: LossType | None = Field(
        default=None,
        title="Loss",
        description="Variant of the loss, in TRL's words. Empty: the usual, sigmoid for dpo and cpo, kto for kto, "
        "dapo for grpo.",
    )
    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        lt=0.5,
        allow_inf_nan=False,
        title="Label smoothing",
        description="Share of the pairs that are believed to be swapped. The losses robust and exo_pair "
        "need more than 0; hinge and ipo do not support it.",
    )
    simpo_gamma: float = Field(
        default=0.5,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="Margin",
        description="Margin by which the preferred answer should lead, in SimPO.",
    )
    cpo_alpha: float = Field(
        default=1.0,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="Weight of imitation",
        description="How much simply imitating the preferred answer counts in CPO.",
    )
    desirable_weight: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        title="Weight of good answers",
        description="Raise it when there are fewer good answers than bad ones, so that both count about the same.",
    )
    undesirable_weight: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        title="Weight of bad answers",
        description="Raise it when there are fewer bad answers than good ones, so that both count about the same.",
    )
    center_rewards_coefficient: float | None = Field(
        default=None,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="Centring",
        description="Pulls scores towards zero, so that those of different prompts can be compared; 0.01 is usual, "
        "empty does not.",
    )
    precompute_ref_log_probs: bool | None = Field(
        default=None,
        title="Reference in advance",
        description="Ask the model of the start about every row once, before the training. Empty does so when rows "
        "are seen more than once.",
    )
