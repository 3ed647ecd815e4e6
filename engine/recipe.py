"""Everything that decides a training, as data. One model for the form, YAML, the command line, REST and the run page.

Each field's description is its help in the form, in the docs and in the OpenAPI text. Names are TRL's, transformers'
and PEFT's own wherever they have one.
"""

from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from engine.errors import RefusedError
from engine.methods import uses
from engine.recipe_fields import EveryTraining
from engine.recipe_rules import LossType, refuse_foreign, refuse_unfitting


class Recipe(EveryTraining):
    """A training, ready to be run, saved, compared and run again."""

    beta: float | None = Field(
        default=None,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="Beta",
        description="How much staying near the model of the start (or the preference itself, in orpo) counts. Empty "
        "takes the usual: 0.1, in simpo 2, in rloo 0.05, in grpo 0.",
    )
    loss_type: LossType | None = Field(
        default=None,
        title="Loss",
        description="Variant of the loss, in TRL's words. Empty takes the usual: sigmoid for dpo and cpo, kto for kto, "
        "dapo for grpo.",
    )
    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        lt=0.5,
        allow_inf_nan=False,
        title="Label smoothing",
        description="Share of the pairs that are believed to be the wrong way round. The losses robust and exo_pair "
        "need more than 0; hinge and ipo know none.",
    )
    precompute_ref_log_probs: bool | None = Field(
        default=None,
        title="Reference in advance",
        description="Ask the model of the start about every row once, before the training. Empty does so when rows "
        "are seen more than once.",
    )
    desirable_weight: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        title="Weight of good answers",
        description="Raise it when there are fewer good answers than bad ones, so that both count about the same.",
    )
    undesirable_weight: float = Field(
        default=1.0,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        title="Weight of bad answers",
        description="Raise it when there are fewer bad answers than good ones, so that both count about the same.",
    )
    simpo_gamma: float = Field(
        default=0.5,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="Margin",
        description="How far the preferred answer is to lead, in SimPO.",
    )
    cpo_alpha: float = Field(
        default=1.0,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="Weight of imitation",
        description="How much simply imitating the preferred answer counts in CPO.",
    )
    center_rewards_coefficient: float | None = Field(
        default=None,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="Centring",
        description="Pulls scores towards zero, so that those of different prompts can be compared; 0.01 is usual, "
        "empty does not.",
    )
    num_generations: int = Field(
        default=4,
        ge=2,
        le=256,
        title="Answers a prompt",
        description="How many answers to one prompt are compared with each other. The batch counts answers.",
    )
    max_completion_length: int = Field(
        default=128, ge=1, le=131_072, title="Longest answer", description="In tokens; what is longer is cut off."
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
        description="What earns a reward, separated by commas: exact_match, regex, json_schema, length.",
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
        description="The column of the imported file that exact_match compares with. Empty takes ground_truth, or the "
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
        description="What a good answer is valid against, as JSON, for json_schema. Empty accepts any JSON object.",
    )
    reward_length: int = Field(
        default=200,
        ge=1,
        le=1_000_000,
        title="Good length",
        description="Characters up to which an answer earns the length reward; beyond, it falls to zero at twice that.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.packing and self.train_sampling_strategy == "group_by_length":
            raise ValueError(
                "packing already fills every sequence, so train_sampling_strategy must be random or sequential"
            )
        refuse_foreign(self)
        refuse_unfitting(self)
        return self


# The six fields a beginner sees; the rest stand under Advanced.
SIMPLE_FIELDS = ("model_id", "dataset_id", "method", "num_train_epochs", "max_steps", "learning_rate")


def parse(values: Any) -> Recipe:
    """A recipe from plain values. Raises RefusedError with one line for every field that is wrong."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RefusedError("The recipe does not hold.", "\n".join(problems(error))) from error


def problems(error: ValidationError) -> list[str]:
    """Each violation in a line: field, value and rule."""
    return [_problem(dict(one)) for one in error.errors(include_url=False)]


def _problem(one: dict[str, Any]) -> str:
    field = ".".join(map(str, one["loc"])) or "recipe"
    message = str(one["msg"]).removeprefix("Value error, ")
    if one["type"] == "extra_forbidden":
        return f"`{field}` is not a field of a recipe."
    if one["type"] in ("missing", "value_error"):
        return f"`{field}`: {message}."
    return f"`{field}` is {one['input']!r:.80}: {message}."


def to_yaml(recipe: Recipe) -> str:
    """The whole recipe as YAML, defaults included, in the order of the fields; those of other methods are left out."""
    values = {name: value for name, value in recipe.model_dump().items() if uses(recipe.method, name)}
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


MAX_YAML_CHARACTERS = 100_000


def from_yaml(text: str) -> Recipe:
    """Reads what `to_yaml` wrote, or a person. Raises RefusedError that says what is wrong where."""
    if len(text) > MAX_YAML_CHARACTERS or ("&" in text and "*" in text):
        raise RefusedError("That is not a recipe.", "A recipe is short YAML without anchors or aliases.")
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise RefusedError("The recipe is not valid YAML.", str(error)[:500]) from error
    if not isinstance(values, dict):
        raise RefusedError("The recipe is not a list of fields.", "Write one `field: value` a line.")
    return parse(_floats(values))


def _floats(values: dict[Any, Any]) -> dict[str, Any]:
    """YAML 1.1 reads 2e-4 as text, because it has no dot; people mean the number."""
    return {str(name): _number(value) for name, value in values.items()}


def _number(value: Any) -> Any:
    if not isinstance(value, str) or "e" not in value.lower():
        return value
    try:
        return float(value)
    except ValueError:
        return value
