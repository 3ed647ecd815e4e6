"""A sweep as one YAML file: what the form shows, what REST takes as JSON, what `tunesmith sweep FILE` reads."""

from typing import Any

import yaml
from pydantic import ValidationError

from engine.errors import RefusedError
from engine.recipes import recipe as recipes
from engine.recipes.fields.basics import Basics
from engine.recipes.recipe import Recipe
from engine.sweeps import parsing
from engine.sweeps.parsing import Path
from engine.sweeps.spec import SweepSpec

SHOWN = ("name", "recipe", "space", "objective", "sampler", "pruner", "budget")  # though they be at their defaults


def to_yaml(spec: SweepSpec) -> str:
    """The sweep as YAML. What is at its default is left out where nobody would look for it."""
    whole = spec.model_dump(mode="json")
    changed = spec.model_dump(mode="json", exclude_defaults=True)
    values = {
        name: whole[name] if name in SHOWN else changed[name] for name in whole if name in SHOWN or name in changed
    }
    values["space"] = {name: _without_empty(part) for name, part in values["space"].items()}
    values["budget"] = _without_empty(values["budget"])
    return yaml.dump(values, Dumper=_Plain, sort_keys=False, allow_unicode=True)


def _without_empty(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if value is not None and value is not False}


class _Plain(yaml.SafeDumper):
    """Without anchors, which are refused when it is read: the same choices twice are written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def recipe_fields(recipe: Recipe) -> dict[str, Any]:
    """A recipe's fields as a sweep holds them: the basic ones, and those that are not at their defaults."""
    fields = type(recipe).model_fields
    basic = {*Basics.model_fields, "tuning"}
    return {
        name: value
        for name, value in recipe.model_dump().items()
        if recipes.makes_use_of(recipe, name) and (name in basic or value != fields[name].default)
    }


def read(text: str) -> SweepSpec:
    """The sweep that a YAML holds. Raises RefusedError that says what is wrong in which line."""
    values = recipes.read_fields(text, "sweep")
    try:
        return parsing.parse(values)
    except RefusedError as error:
        if not isinstance(error.__cause__, ValidationError):
            raise
        lines = [_placed(path, line, text) for path, line in parsing.problems(error.__cause__, values)]
        raise RefusedError(error.message, "\n".join(lines)) from error


def _placed(path: Path, line: str, text: str) -> str:
    """With the number of the line, counted from 1, where the text has that place or what it stands in."""
    node, mark = yaml.compose(text, yaml.SafeLoader), None
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pairs = {str(key.value): (key, value) for key, value in node.value}
            if str(part) not in pairs:
                break
            key, node = pairs[str(part)]
            mark = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            mark = node.start_mark.line + 1
        else:
            break
    return f"Line {mark}: {line}" if mark else line
