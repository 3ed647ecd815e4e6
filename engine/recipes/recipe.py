"""Everything that decides a training, as data. One model for the form, YAML, the command line, REST and the run page.

Each field's description is its help in the form, in the docs and in the OpenAPI text. Names are TRL's, transformers'
and PEFT's own wherever they have one. The fields stand in `engine.recipes.fields`, one file a group of the form.
"""

from collections.abc import Collection
from typing import Any, Self

import yaml
from pydantic import ConfigDict, ValidationError, model_validator

from engine.errors import RefusedError
from engine.names import did_you_mean
from engine.recipes.choices import tunings
from engine.recipes.choices.trackers import refuse_unknown
from engine.recipes.fields.adapters import Adapters
from engine.recipes.fields.basics import Basics
from engine.recipes.fields.batches import Batches
from engine.recipes.fields.checkpoints import Keeping
from engine.recipes.fields.distillation import Teaching
from engine.recipes.fields.distributed import Distributed
from engine.recipes.fields.generation import Answers
from engine.recipes.fields.learning import Learning
from engine.recipes.fields.preferences import Preferences
from engine.recipes.fields.rows import Rows
from engine.recipes.fields.start import Start
from engine.recipes.fields.tracking import Tracking
from engine.recipes.methods import uses
from engine.recipes.validation.checkpoints import refuse_unknown_best
from engine.recipes.validation.distributed import refuse_unspread
from engine.recipes.validation.method import refuse_foreign, refuse_unfitting
from engine.recipes.validation.tuning import refuse_tuning
from engine.recipes.validation.yielding import giving_way

# In the order of the form. Recipe names them the other way round: the fields of the last base come first.
GROUPS = (Start, Preferences, Teaching, Answers, Adapters, Batches, Learning, Rows, Keeping, Distributed, Tracking)


class Recipe(
    Tracking, Distributed, Keeping, Rows, Learning, Batches, Adapters, Answers, Teaching, Preferences, Start, Basics
):
    """A training, ready to be run, saved, compared and run again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for default in giving_way(self.__dict__):
            object.__setattr__(self, default.field, default.becomes)  # frozen, but not made yet
        refuse_foreign(self)
        refuse_unfitting(self)
        refuse_unknown(self.report_to)
        refuse_tuning(self)
        refuse_unspread(self)
        refuse_unknown_best(self)
        return self


def parse(values: Any) -> Recipe:
    """A recipe from plain values. Raises RefusedError with one line for every field that is wrong."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RefusedError("The recipe is not valid.", "\n".join(problems(error, known=Recipe.model_fields))) from error


def problems(error: ValidationError, noun: str = "recipe field", known: Collection[str] = ()) -> list[str]:
    """Each violation in a line: field, value and rule.

    `noun`: what a field is called, such as "option". `known`: the fields there are, for one that is nearly right.
    """
    return [_problem(dict(violation), noun, known) for violation in error.errors(include_url=False)]


def _problem(violation: dict[str, Any], noun: str, known: Collection[str]) -> str:
    field = ".".join(map(str, violation["loc"])) or "recipe"
    message = str(violation["msg"]).removeprefix("Value error, ")
    if violation["type"] == "extra_forbidden":
        return f"There is no {noun} `{field:.80}`. {did_you_mean(field, known)}".rstrip()
    if violation["type"] in ("missing", "value_error") or isinstance(violation["input"], dict | list):
        return f"`{field}`: {message}."
    return f"`{field}` is {violation['input']!r:.80}: {message}."


def to_yaml(recipe: Recipe) -> str:
    """The whole recipe as YAML, defaults included, in the order of the fields; what it makes no use of is left out."""
    values = {name: value for name, value in recipe.model_dump().items() if makes_use_of(recipe, name)}
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def makes_use_of(recipe: Recipe, field: str) -> bool:
    """Whether the recipe's method and tuning read that field."""
    return uses(recipe.method, field) and tunings.uses(recipe.tuning, field)


MAX_YAML_CHARACTERS = 100_000


class _Strict(yaml.SafeLoader):
    """Without aliases, of which a few become a list of billions, and without a second value for the same field."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("There are no anchors or aliases here.")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names: set[Any] = set()
        for key, _ in node.value:
            if key.value in names:
                raise yaml.constructor.ConstructorError(None, None, f"`{key.value:.80}` is there twice", key.start_mark)
            names.add(key.value)
        return super().construct_mapping(node, deep)


def from_yaml(text: str) -> Recipe:
    """Reads what `to_yaml` wrote, or a person. Raises RefusedError that says what is wrong where."""
    return parse(read_fields(text))


def read_fields(text: str, noun: str = "recipe") -> dict[str, Any]:
    """The fields that stand in the YAML, not checked yet. Raises RefusedError when it is no list of fields.

    `noun`: what the text should be, in a refusal.
    """
    if len(text) > MAX_YAML_CHARACTERS:
        raise RefusedError(f"That is not a {noun}.", f"A {noun} has at most {MAX_YAML_CHARACTERS:,} characters.")
    try:
        values = yaml.load(text, _Strict)  # noqa: S506  (a SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise RefusedError(f"The {noun} is not valid YAML.", str(error)[:500]) from error
    if not isinstance(values, dict):
        raise RefusedError(f"The {noun} is not a list of fields.", "Write one `field: value` a line.")
    return with_numbers(values)


def with_numbers(values: dict[Any, Any]) -> dict[str, Any]:
    """YAML 1.1 reads 2e-4 as text, because it has no dot; people mean the number."""
    return {str(name): _number(str(name), value) for name, value in values.items()}


def _number(name: str, value: Any) -> Any:
    """Where the field is no text itself: the id 1234567e8901 is no number."""
    is_text = name in Recipe.model_fields and Recipe.model_fields[name].annotation is str
    if is_text or not isinstance(value, str) or "e" not in value.lower():
        return value
    try:
        return float(value)
    except ValueError:
        return value
