"""Which weights are trained, and how."""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

Tuning = Literal["lora", "qlora", "full"]


class Adapters(BaseModel):
    """Which weights are trained, and how."""

    TITLE: ClassVar = "Tuning"

    tuning: Tuning = Field(
        default="lora",
        title="Tuning",
        description="lora trains small extra matrices; qlora does so on a 4-bit base, for less memory; "
        "full trains every weight.",
    )
    lora_r: int = Field(
        default=16, ge=1, le=1024, title="LoRA rank", description="Size of the LoRA matrices: more can learn more."
    )
    lora_alpha: int = Field(
        default=32, ge=1, le=8192, title="LoRA alpha", description="Weight of the LoRA update; usually twice lora_r."
    )
    lora_dropout: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        allow_inf_nan=False,
        title="LoRA dropout",
        description="Share of LoRA inputs dropped while training, against overfitting.",
    )
    target_modules: str = Field(
        default="all-linear",
        min_length=1,
        max_length=500,
        pattern=r"^[A-Za-z0-9_.,\- ]+$",
        title="LoRA layers",
        description="all-linear, or module names separated by commas, such as q_proj,v_proj.",
    )
