"""The fields of a recipe that every method has. `engine.recipe` adds those of single methods."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.methods import Name

Tuning = Literal["lora", "qlora", "full"]


class EveryTraining(BaseModel):
    """What there is to decide about a training, whatever the method."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_id: str = Field(
        min_length=1, max_length=64, title="Model", description="The base model to train, by its id in the studio."
    )
    dataset_id: str = Field(
        min_length=1, max_length=64, title="Dataset", description="The dataset to learn from, by its id."
    )
    method: Name = Field(
        default="sft",
        title="Method",
        description="sft teaches answers from chats or prompt/completion pairs; cpt continues pre-training on text; "
        "dpo, orpo, simpo and cpo learn from preferred answers; kto from answers marked good or bad; reward trains a "
        "model that judges; grpo and rloo learn from the model's own answers, judged by rules.",
    )
    tuning: Tuning = Field(
        default="lora",
        title="Tuning",
        description="lora trains small extra matrices; qlora does so on a 4-bit base, for less memory; "
        "full trains every weight.",
    )
    num_train_epochs: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        title="Epochs",
        description="How many times the training sees every row. Ignored when max_steps is above 0.",
    )
    max_steps: int = Field(
        default=-1,
        ge=-1,
        le=10_000_000,
        title="Steps",
        description="Stop after this many optimiser steps; -1 trains for num_train_epochs instead.",
    )
    learning_rate: float = Field(
        default=2e-4,
        gt=0,
        le=1,
        allow_inf_nan=False,
        title="Learning rate",
        description="How far each step moves the weights. Good starts: 2e-4 for lora, 2e-5 for full; a tenth of that "
        "or less to learn from preferences and rewards.",
    )
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
    packing: bool = Field(
        default=False, title="Packing", description="Put several short rows into one sequence. Worth it on GPUs."
    )
    assistant_only_loss: bool = Field(
        default=True,
        title="Learn answers only",
        description="Learn from the assistant's turns (or completions) alone, not from the questions.",
    )
    train_sampling_strategy: Literal["group_by_length", "random", "sequential"] = Field(
        default="group_by_length",
        title="Order of rows",
        description="group_by_length batches rows of similar length, which wastes least work on padding.",
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
    optim: Literal["adamw_torch", "adamw_torch_fused", "adafactor", "sgd", "adamw_8bit", "paged_adamw_8bit"] = Field(
        default="adamw_torch", title="Optimiser", description="The rule that turns gradients into steps."
    )
    bf16: bool | None = Field(
        default=None,
        title="bfloat16",
        description="Compute in bfloat16. Empty decides by the device: on where it is supported.",
    )
    gradient_checkpointing: bool = Field(
        default=False,
        title="Gradient checkpointing",
        description="Recompute activations instead of keeping them: less memory, about a third slower.",
    )
    eval_fraction: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        allow_inf_nan=False,
        title="Held-out share",
        description="Share of rows kept away from training to measure the evaluation loss; 0 measures none.",
    )
    eval_steps: int = Field(
        default=50, ge=1, le=1_000_000, title="Evaluate every", description="Steps between two evaluation losses."
    )
    logging_steps: int = Field(
        default=1, ge=1, le=10_000, title="Log every", description="Steps between two points of the loss curve."
    )
    save_steps: int = Field(
        default=100, ge=1, le=1_000_000, title="Checkpoint every", description="Steps between two checkpoints."
    )
    save_total_limit: int = Field(
        default=2, ge=1, le=100, title="Checkpoints kept", description="How many of the newest checkpoints stay."
    )
    auto_resume: bool = Field(
        default=True,
        title="Resume by itself",
        description="Go on from the last good checkpoint when the process dies, at most three times.",
    )
    seed: int = Field(default=42, ge=0, le=2**32 - 1, title="Seed", description="Start of every random choice.")
