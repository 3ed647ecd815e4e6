"""Which rows are learnt from, in which order, and which are held out."""

from typing import ClassVar, Literal

from pydantic import BaseModel, Field


class Rows(BaseModel):
    """Which rows are learnt from, in which order, and which are held out."""

    TITLE: ClassVar = "Rows"

    train_sampling_strategy: Literal["group_by_length", "random", "sequential"] = Field(
        default="group_by_length",
        title="Order of rows",
        description="group_by_length batches rows of similar length, which wastes least work on padding; "
        "with packing, where nothing is padded, it becomes random.",
    )
    eval_fraction: float | None = Field(
        default=None,
        ge=0,
        le=0.5,
        allow_inf_nan=False,
        title="Held-out share",
        description="Share of rows that are not learnt from: half for the evaluation loss, half for a report on the "
        "result. Empty: 5 %, at least 20 and at most 500 rows, where there are 200 or more. 0 holds none out.",
    )
    eval_steps: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        title="Evaluate every",
        description="Steps between two evaluation losses. Empty: so many that they take at most a tenth of the time.",
    )
    assistant_only_loss: bool = Field(
        default=True,
        title="Learn answers only",
        description="Learn from the assistant's turns (or completions) alone, not from the questions.",
    )
