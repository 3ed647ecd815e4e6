"""What a fit probe found: real steps of a training at a few batch sizes, and what they suggest. All sizes in bytes."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.recipe import Recipe


class Trial(BaseModel):
    """Real steps with the longest rows, of one recipe. Where it does not fit, only the first fields say much."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: int  # per_device_train_batch_size
    gradient_checkpointing: bool  # as it was in force
    automatic: bool = False  # the recipe had left that to the worker
    max_length: int  # tokens, or the model's context where that is shorter
    fits: bool
    peak_bytes: int  # of the process, or what torch reserved on the GPU
    before_bytes: int = 0  # the same before the first step: the model is loaded
    tokens_per_second: float = 0.0  # in the second step
    seconds_a_batch: float = 0.0  # of the longest rows
    usual_seconds_a_batch: float = 0.0  # of rows as they usually are

    def of(self, recipe: Recipe) -> bool:
        """Whether these steps were those of the recipe, as far as memory goes."""
        wanted = recipe.gradient_checkpointing
        checkpointing = self.automatic if wanted is None else self.gradient_checkpointing == wanted
        longest = self.max_length <= recipe.max_length  # the context may be shorter
        return self.batch == recipe.per_device_train_batch_size and checkpointing and longest


class Rows(BaseModel):
    """The dataset's rows as tokens: all of them, or a sample of a large dataset beside its longest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    looked_at: int
    kept: int  # of these, the rows that are learnt from
    mean_tokens: float  # of those, cut at max_length
    longest_tokens: int


class Largest(BaseModel):
    """The largest per_device_train_batch_size that fits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: int
    at_least: bool = False  # more would fit, but was not looked for
    tried: bool = False  # else calculated from two measured points


class Suggestion(BaseModel):
    """Fields of the recipe to change, and why. Tried by a real step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fields: dict[str, Any] = Field(default_factory=dict)
    reason: str
    found: bool = True  # False: nothing that was tried fits


class Measured(BaseModel):
    """The result of a probe. The first trial is the recipe as it was given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str  # cpu, or the name of the GPU
    available_bytes: int  # what the training may use
    start_seconds: float  # libraries, model and rows, before the first step
    rows: Rows
    trials: list[Trial]
    largest: Largest | None = None
    suggestion: Suggestion | None = None
