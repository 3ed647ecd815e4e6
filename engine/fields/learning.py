"""How gradients become steps."""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field


class Learning(BaseModel):
    """How gradients become steps."""

    TITLE: ClassVar = "Learning"

    optim: Literal["adamw_torch", "adamw_torch_fused", "adafactor", "sgd", "adamw_8bit", "paged_adamw_8bit"] = Field(
        default="adamw_torch", title="Optimiser", description="The rule that turns gradients into steps."
    )
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = Field(
        default="linear", title="Schedule", description="How the learning rate changes over the run."
    )
    warmup_steps: int = Field(
        default=0, ge=0, le=1_000_000, title="Warm-up steps", description="Steps in which the rate rises from zero."
    )
    weight_decay: float = Field(
        default=0.0, ge=0, le=1, allow_inf_nan=False, title="Weight decay", description="Pull of weights to zero."
    )
    max_grad_norm: float = Field(
        default=1.0,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        title="Gradient clipping",
        description="Longest gradient a step may take; 0 turns clipping off.",
    )
    seed: int = Field(default=42, ge=0, le=2**32 - 1, title="Seed", description="Start of every random choice.")
