"""What learning from a teacher (gkd) has of its own."""

from typing import ClassVar

from pydantic import BaseModel, Field

from engine.recipes.fields.basics import LONGEST


class Teaching(BaseModel):
    """What learning from a teacher (gkd) has of its own."""

    TITLE: ClassVar = "Teacher"

    teacher_id: str = Field(
        default="",
        max_length=LONGEST,
        title="Teacher",
        description="The model to learn from, by its id or name: a larger one with the same vocabulary, or a run whose "
        "result is asked.",
    )
    lmbda: float = Field(
        default=0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="Own answers",
        description="Share of the steps that learn from what the model answers itself, judged by the teacher; the "
        "others learn from the rows. 0 is fastest, 1 corrects most of the model's own mistakes.",
    )
    gkd_beta: float = Field(
        default=0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="Divergence",
        description="Which divergence from the teacher is lowered: near 0 the forward KL (cover all that the teacher "
        "might say), near 1 the reverse KL (say only what the teacher would say). TRL calls it beta.",
    )
    seq_kd: bool = Field(
        default=False,
        title="Teacher writes the answers",
        description="Learn from answers that the teacher writes while training, in the place of those in the rows.",
    )
