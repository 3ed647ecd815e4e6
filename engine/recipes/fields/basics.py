"""What every training says first: which model, which rows, which method, for how long, how fast."""

from pydantic import BaseModel, Field

from engine.recipes.choices.methods import Name

LONGEST = 130  # of what a recipe names: a name with the number of a version


class Basics(BaseModel):
    """What every training says first: which model, which rows, which method, for how long, how fast."""

    model_id: str = Field(
        min_length=1, max_length=LONGEST, title="Model", description="The base model to train, by its id or name."
    )
    dataset_id: str = Field(
        min_length=1,
        max_length=LONGEST,
        title="Dataset",
        description="The dataset to learn from, by its id or name; NAME/2 is its version 2.",
    )
    method: Name = Field(
        default="sft",
        title="Method",
        description="sft teaches answers from chats or prompt/completion pairs; cpt continues pre-training on text; "
        "dpo, orpo, simpo and cpo learn from preferred answers; kto from answers marked good or bad; reward trains a "
        "model that judges; grpo and rloo learn from the model's own answers, judged by rules; gkd from a teacher.",
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
