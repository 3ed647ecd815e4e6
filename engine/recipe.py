"""Everything that decides a training, as data. One model for the form, YAML, the command line, REST and the run page.

Each field's description is its help in the form, in the docs and in the OpenAPI text. Names are TRL's, transformers'
and PEFT's own wherever they have one.
"""

from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.errors import RefusedError

Method = Literal["sft", "cpt"]
Tuning = Literal["lora", "qlora", "full"]


class Recipe(BaseModel):
    """A training, ready to be run, saved, compared and run again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_id: str = Field(
        min_length=1, max_length=64, title="Model", description="The base model to train, by its id in the studio."
    )
    dataset_id: str = Field(
        min_length=1, max_length=64, title="Dataset", description="The dataset to learn from, by its id."
    )
    method: Method = Field(
        default="sft",
        title="Method",
        description="sft teaches answers from chats or prompt/completion pairs; cpt continues pre-training on text.",
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
        description="How far each step moves the weights. Good starts: 2e-4 for lora, 2e-5 for full.",
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

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.packing and self.train_sampling_strategy == "group_by_length":
            raise ValueError(
                "packing already fills every sequence, so train_sampling_strategy must be random or sequential"
            )
        return self


# The six fields a beginner sees; the rest stand under Advanced.
SIMPLE_FIELDS = ("model_id", "dataset_id", "method", "num_train_epochs", "max_steps", "learning_rate")


def parse(values: Any) -> Recipe:
    """A recipe from plain values. Raises RefusedError with one line for every field that is wrong."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RefusedError("The recipe does not hold.", "\n".join(problems(error))) from error


def problems(error: ValidationError) -> list[str]:
    """Each violation in a line: field, value and rule."""
    return [_problem(dict(one)) for one in error.errors(include_url=False)]


def _problem(one: dict[str, Any]) -> str:
    field = ".".join(map(str, one["loc"])) or "recipe"
    message = str(one["msg"]).removeprefix("Value error, ")
    if one["type"] == "extra_forbidden":
        return f"`{field}` is not a field of a recipe."
    if one["type"] in ("missing", "value_error"):
        return f"`{field}`: {message}."
    return f"`{field}` is {one['input']!r:.80}: {message}."


def to_yaml(recipe: Recipe) -> str:
    """The whole recipe as YAML, defaults included, in the order of the fields."""
    return yaml.safe_dump(recipe.model_dump(), sort_keys=False, allow_unicode=True)


MAX_YAML_CHARACTERS = 100_000


def from_yaml(text: str) -> Recipe:
    """Reads what `to_yaml` wrote, or a person. Raises RefusedError that says what is wrong where."""
    if len(text) > MAX_YAML_CHARACTERS or ("&" in text and "*" in text):
        raise RefusedError("That is not a recipe.", "A recipe is short YAML without anchors or aliases.")
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise RefusedError("The recipe is not valid YAML.", str(error)[:500]) from error
    if not isinstance(values, dict):
        raise RefusedError("The recipe is not a list of fields.", "Write one `field: value` a line.")
    return parse(_floats(values))


def _floats(values: dict[Any, Any]) -> dict[str, Any]:
    """YAML 1.1 reads 2e-4 as text, because it has no dot; people mean the number."""
    return {str(name): _number(value) for name, value in values.items()}


def _number(value: Any) -> Any:
    if not isinstance(value, str) or "e" not in value.lower():
        return value
    try:
        return float(value)
    except ValueError:
        return value
