"""How much is computed at once, and in what precision."""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

Attention = Literal["sdpa", "eager", "flash_attention_2", "flash_attention_3"]


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
        description="Longest row in tokens; longer rows are cut at the end.",
    )
    bf16: bool | None = Field(
        default=None,
        title="bfloat16",
        description="Compute in bfloat16. Empty decides by the device: on where it is supported.",
    )
    packing: bool = Field(
        default=False,
        title="Packing",
        description="Put several short rows into one sequence, none of which sees another. Worth it on GPUs; left out "
        "when there are too few rows for it, or the model's attention cannot keep them apart.",
    )
    gradient_checkpointing: bool | None = Field(
        default=None,
        title="Gradient checkpointing",
        description="Recompute activations instead of keeping them: less memory, about a third slower. Empty does so "
        "only when the longest rows would not fit into memory otherwise.",
    )
    attn_implementation: Attention | None = Field(
        default=None,
        title="Attention",
        description="How attention is computed. Empty: flash attention where it is installed, the GPU can and the "
        "model allows it, and PyTorch's own (sdpa) elsewhere.",
    )
    use_liger_kernel: bool | None = Field(
        default=None,
        title="Liger kernels",
        description="Faster layers from liger-kernel, for GPUs. Empty uses them where they are installed and know the "
        "model.",
    )
    torch_compile: bool = Field(
        default=False,
        title="Compile",
        description="Let torch.compile speed the model up. Minutes pass before the first step, so only long runs gain.",
    )
