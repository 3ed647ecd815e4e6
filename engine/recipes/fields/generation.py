"""What the methods that learn from the model's own answers have of their own."""

from typing import ClassVar

from pydantic import BaseModel, Field, field_validator

from engine.recipes.fields.basics import LONGEST


class Answers(BaseModel):
    """What the methods that learn from the model's own answers have of their own."""

    TITLE: ClassVar = "Answers and rewards"

    num_generations: int = Field(
        default=4,
        ge=2,
        le=256,
        title="Answers a prompt",
        description="How many answers to one prompt are compared with each other. The batch counts answers.",
    )
    max_completion_length: int = Field(
        default=128, ge=1, le=131_072, title="Longest answer", description="In tokens; longer answers are cut off."
    )
    temperature: float = Field(
        default=1.0,
        gt=0,
        le=10,
        allow_inf_nan=False,
        title="Temperature",
        description="How much the model's answers vary while it learns. Answers that are all alike teach nothing.",
    )
    reward_funcs: str = Field(
        default="exact_match",
        min_length=1,
        max_length=200,
        pattern=r"^[a-z_, ]+$",
        title="Rewards",
        description="What earns a reward, separated by commas: exact_match, regex, json_schema, length, python, "
        "reward_model.",
    )
    reward_weights: str = Field(
        default="",
        max_length=200,
        pattern=r"^[0-9.,eE+\- ]*$",
        title="Weights of the rewards",
        description="A number for each reward, separated by commas. Empty counts each once.",
    )
    reward_column: str = Field(
        default="",
        max_length=200,
        title="Column of the right answer",
        description="The column of the imported file that exact_match compares with. Empty: ground_truth, or the "
        "completion where rows have one.",
    )
    reward_pattern: str = Field(
        default="",
        max_length=2000,
        title="Pattern",
        description="A regular expression that a good answer contains, for regex. With a group, exact_match compares "
        "what the first group finds.",
    )
    reward_schema: str = Field(
        default="",
        max_length=20_000,
        title="JSON schema",
        description="The JSON schema that a good answer must match, for json_schema. Empty accepts any JSON object.",
    )
    reward_length: int = Field(
        default=200,
        ge=1,
        le=1_000_000,
        title="Good length",
        description="Characters up to which an answer earns the length reward; beyond, it falls to zero at twice that.",
    )
    reward_code: str = Field(
        default="",
        max_length=20_000,
        title="Own function",
        description="Python text with `def reward(prompt, completion, **columns)` that returns a number, for python. "
        "It runs when the training does, in a sandboxed process: read it before you run somebody else's recipe.",
        json_schema_extra={"lines": 6},
    )
    reward_seconds: float = Field(
        default=5.0,
        gt=0,
        le=600,
        allow_inf_nan=False,
        title="Time for an answer",
        description="Seconds that reward_code may take for one answer.",
    )
    reward_model_id: str = Field(
        default="",
        max_length=LONGEST,
        title="Reward model",
        description="The run that trained a reward model, or a model with one number as its answer, by its id or name, "
        "for reward_model.",
    )

    @field_validator("reward_code")
    @classmethod
    def _without_ends(cls, text: str) -> str:
        """As the form leaves it, so that the same function is the same value everywhere."""
        return text.strip()
