"""What a run writes down while it trains."""

from typing import ClassVar

from pydantic import BaseModel, Field


class Keeping(BaseModel):
    """What a run writes down while it trains."""

    TITLE: ClassVar = "Checkpoints and log"

    save_steps: int = Field(
        default=100, ge=1, le=1_000_000, title="Checkpoint every", description="Steps between two checkpoints."
    )
    save_total_limit: int = Field(
        default=2, ge=1, le=100, title="Checkpoints kept", description="How many of the newest checkpoints stay."
    )
    logging_steps: int = Field(
        default=1, ge=1, le=10_000, title="Log every", description="Steps between two points of the loss curve."
    )
    auto_resume: bool = Field(
        default=True,
        title="Resume by itself",
        description="Go on from the last good checkpoint when the process dies, at most three times.",
    )
