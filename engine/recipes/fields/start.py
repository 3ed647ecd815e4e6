"""Where the weights begin: at the base model, or where an earlier run ended."""

from typing import ClassVar

from pydantic import BaseModel, Field

from engine.recipes.fields.basics import LONGEST


class Start(BaseModel):
    """Where the weights begin: at the base model, or where an earlier run ended."""

    TITLE: ClassVar = "Start"

    start_from: str = Field(
        default="",
        max_length=LONGEST,
        title="Train further from",
        description="The finished run, by its id or name, whose weights this training begins with, with a fresh "
        "optimiser. Empty begins with the model itself.",
    )
