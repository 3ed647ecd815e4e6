"""How much is computed at once, and in what precision."""

from typing import ClassVar

from pydantic import BaseModel, Field


class Batches(BaseModel):
    """How much is computed at once, and in what precision."""

    TITLE: ClassVar = "Batches and memory"

    per_device_train_batch_size: int = Field(
        default=4, ge=1, le=4096, title="Batch size", description="Rows computed at once on each device."
    )
    gradient_accumulation_steps: int = Field(
        default=1,
        ge=1,
        le=4096,
        title="Gradient accumulation",
        description="Batches added up before a step: a larger batch in the same memory.",
    )
    max_length: int = Field(
        default=1024,
        ge=8,
        le=1_048_576,
        title="Maximum length",
        description="Longest row in tokens; what is longer is cut at the end.",
    )
    bf16: bool | None = Field(
        default=None,
        title="bfloat16",
        description="Compute in bfloat16. Empty decides by the device: on where it is supported.",
    )
    packing: bool = Field(
        default=False, title="Packing", description="Put several short rows into one sequence. Worth it on GPUs."
    )
    gradient_checkpointing: bool = Field(
        default=False,
        title="Gradient checkpointing",
        description="Recompute activations instead of keeping them: less memory, about a third slower.",
    )
