"""Which experiment trackers are told about a training, beside the studio's own page."""

from typing import ClassVar

from pydantic import BaseModel, Field


class Tracking(BaseModel):
    """Which experiment trackers are told about a training, beside the studio's own page."""

    TITLE: ClassVar = "Trackers"

    report_to: str = Field(
        default="",
        max_length=100,
        pattern=r"^[a-z, ]*$",
        title="Report to",
        description="Trackers that get the numbers too, separated by commas: trackio, tensorboard, mlflow, wandb. "
        "Empty uses none. A tracker that does not answer never delays a training.",
    )
    tracker_project: str = Field(
        default="tunesmith",
        min_length=1,
        max_length=100,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$",
        title="Project at the tracker",
        description="The project or experiment under which the trackers list the run.",
    )
