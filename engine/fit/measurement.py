"""What a fit probe found: real steps of a training at a few batch sizes, and what they suggest. All sizes in bytes."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.recipes.recipe import Recipe


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Trial(_Plain):
    """Real steps with the longest rows, of one recipe. Where it does not fit, only the first fields say much."""

    batch: int = Field(description="per_device_train_batch_size.")
    gradient_checkpointing: bool = Field(description="Whether activations were computed again.")
    automatic: bool = Field(default=False, description="Whether the recipe had left that to the worker.")
    max_length: int = Field(description="The recipe's max_length.")
    fits: bool = Field(description="Whether the steps could be done within the memory there is.")
    peak_bytes: int = Field(description="The most memory that the process took, or torch reserved on the GPU.")
    before_bytes: int = Field(default=0, description="The same before the first step: the model is loaded.")
    tokens_per_second: float = Field(default=0.0, description="Tokens learnt from a second, in the second step.")
    seconds_a_batch: float = Field(default=0.0, description="Seconds for a batch of the longest rows.")
    usual_seconds_a_batch: float = Field(default=0.0, description="Seconds for a batch of rows as they usually are.")

    def of(self, recipe: Recipe) -> bool:
        """Whether these steps were those of the recipe, as far as memory goes."""
        requested = recipe.gradient_checkpointing
        checkpointing = self.automatic if requested is None else self.gradient_checkpointing == requested
        sizes = (recipe.per_device_train_batch_size, recipe.max_length)
        return checkpointing and (self.batch, self.max_length) == sizes


class Rows(_Plain):
    """The dataset's rows as tokens: all of them, or a sample of a large dataset beside its longest."""

    looked_at: int = Field(description="Rows that were tokenised.")
    kept: int = Field(description="Of these, the rows that are learnt from.")
    mean_tokens: float = Field(description="Tokens of those in the mean, cut at max_length.")
    longest_tokens: int = Field(description="Tokens of the longest.")


class Largest(_Plain):
    """The largest per_device_train_batch_size that fits."""

    batch: int = Field(description="Rows at once.")
    at_least: bool = Field(default=False, description="Whether more would fit, but was not looked for.")
    tried: bool = Field(default=False, description="Whether it was tried, not calculated from two measured points.")


class Suggestion(_Plain):
    """Fields of the recipe to change, and why. Tried by real steps."""

    fields: dict[str, Any] = Field(default_factory=dict, description="Field of the recipe -> value; may be empty.")
    reason: str = Field(description="Why, in a sentence.")
    found: bool = Field(default=True, description="False when nothing that was tried fits.")


class Measured(_Plain):
    """The result of a probe. The first trial is the recipe as it was given."""

    device: str = Field(description="cpu, or the name of the GPU.")
    available_bytes: int = Field(description="Memory that the training may use.")
    start_seconds: float = Field(description="Seconds for libraries, model and rows, before the first step.")
    rows: Rows = Field(description="The dataset's rows as tokens.")
    trials: list[Trial] = Field(description="What was tried, in order.")
    largest: Largest | None = Field(default=None, description="The largest batch that fits.")
    suggestion: Suggestion | None = Field(default=None, description="What to change, if anything.")
