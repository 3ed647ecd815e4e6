"""What a run writes down while it trains, what it keeps, and what it does by itself."""

from typing import ClassVar

from pydantic import BaseModel, Field


class Keeping(BaseModel):
    """What a run writes down while it trains, what it keeps, and what it does by itself."""

    TITLE: ClassVar = "Checkpoints and log"

    save_steps: int = Field(
        default=100, ge=1, le=1_000_000, title="Checkpoint every", description="Steps between two checkpoints."
    )
    save_total_limit: int = Field(
        default=2, ge=1, le=100, title="Checkpoints kept", description="How many of the newest checkpoints are kept."
    )
    save_best_limit: int = Field(
        default=0,
        ge=0,
        le=100,
        title="Best kept",
        description="How many of the best checkpoints are kept besides the newest. Needs held-out rows: a checkpoint "
        "is then also written when an evaluation is among the best.",
    )
    load_best_model_at_end: bool = Field(
        default=False,
        title="Keep the best model",
        description="The result is the checkpoint with the best evaluation, not the last step. Needs held-out rows.",
    )
    metric_for_best_model: str = Field(
        default="",
        max_length=100,
        pattern=r"^(eval_[A-Za-z0-9_./\-]+)?$",
        title="Best by",
        description="The measure on held-out rows that decides which is the best, such as eval_loss. Empty: the "
        "method's own. Of a loss the lowest value is the best, of anything else the highest.",
    )
    early_stopping_patience: int = Field(
        default=0,
        ge=0,
        le=10_000,
        title="Stop early after",
        description="End the training after this many evaluations without a better one; 0 never does. Needs held-out "
        "rows.",
    )
    early_stopping_threshold: float = Field(
        default=0.0,
        ge=0,
        le=1000,
        allow_inf_nan=False,
        title="Least improvement",
        description="By how much an evaluation has to be better, to count for early stopping.",
    )
    logging_steps: int = Field(
        default=1, ge=1, le=10_000, title="Log every", description="Steps between two points of the loss curve."
    )
    auto_resume: bool = Field(
        default=True,
        title="Resume by itself",
        description="Go on from the last good checkpoint when the process dies, at most three times; and with smaller "
        "batches when the memory runs out.",
    )
    restart_when_stuck: bool = Field(
        default=False,
        title="Restart when stuck",
        description="End a training that makes no step for ten of its usual steps, and at least five minutes, and "
        "continue from the last good checkpoint, at most three times. Before the first step it begins again, after "
        "thirty minutes without any sign of life.",
    )
