"""How gradients become steps."""

from typing import ClassVar

from pydantic import BaseModel, Field

from engine.recipes.choices.optimisers import Name, Schedule

_PAIRS = r"^[A-Za-z0-9_=.,+\- ]*$"


class Learning(BaseModel):
    """How gradients become steps."""

    TITLE: ClassVar = "Learning"

    optim: Name = Field(
        default="adamw_torch",
        title="Optimiser",
        description="The rule that turns gradients into steps. The 8-bit ones take less memory, galore and apollo save "
        "memory in full tuning, schedule_free needs no schedule, muon makes the steps of a matrix orthogonal.",
    )
    optim_args: str = Field(
        default="",
        max_length=500,
        pattern=_PAIRS,
        title="Optimiser's own settings",
        description="name=value pairs separated by commas, such as rank=64,update_proj_gap=200 for galore.",
    )
    optim_target_modules: str = Field(
        default="all-linear",
        min_length=1,
        max_length=500,
        pattern=r"^[A-Za-z0-9_.,\- ]+$",
        title="Layers of galore and apollo",
        description="all-linear, or the names of the layers whose steps galore and apollo keep small.",
    )
    adam_beta1: float = Field(
        default=0.9,
        ge=0,
        lt=1,
        allow_inf_nan=False,
        title="Beta 1",
        description="How much of the direction of earlier steps is kept, in optimisers of the Adam and Lion kinds.",
    )
    adam_beta2: float = Field(
        default=0.999,
        ge=0,
        lt=1,
        allow_inf_nan=False,
        title="Beta 2",
        description="How much of the size of earlier gradients is kept, in the same optimisers.",
    )
    adam_epsilon: float = Field(
        default=1e-8,
        gt=0,
        le=1,
        allow_inf_nan=False,
        title="Epsilon",
        description="A small number added to the divisor, so that no step becomes infinite.",
    )
    lr_scheduler_type: Schedule = Field(
        default="linear",
        title="Schedule",
        description="How the learning rate changes over the run. reduce_lr_on_plateau watches the held-out loss.",
    )
    lr_scheduler_kwargs: str = Field(
        default="",
        max_length=500,
        pattern=_PAIRS,
        title="Schedule's own settings",
        description="name=value pairs separated by commas, such as min_lr_rate=0.1 for cosine_with_min_lr or "
        "num_decay_steps=50 for warmup_stable_decay.",
    )
    warmup_steps: int = Field(
        default=0, ge=0, le=1_000_000, title="Warm-up steps", description="Steps in which the rate rises from zero."
    )
    warmup_ratio: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        allow_inf_nan=False,
        title="Warm-up share",
        description="The same as a share of all steps, such as 0.03; only one of the two may be above 0.",
    )
    weight_decay: float = Field(
        default=0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="Weight decay",
        description="How strongly weights are pulled towards zero.",
    )
    max_grad_norm: float = Field(
        default=1.0,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        title="Gradient clipping",
        description="Largest gradient norm of a step; larger gradients are scaled down to it. 0 turns clipping off.",
    )
    neftune_noise_alpha: float | None = Field(
        default=None,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="NEFTune",
        description="Noise on the embeddings while training (NEFTune), which can make answers to instructions better; "
        "5 is usual, empty adds none.",
    )
    seed: int = Field(default=42, ge=0, le=2**32 - 1, title="Seed", description="Seed of every random choice.")
