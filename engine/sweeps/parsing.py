"""A sweep from plain values, as REST, the command line and a YAML bring them; what is wrong in lines that name it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from engine.errors import RefusedError
from engine.recipes import recipe as recipes
from engine.recipes.recipe import Recipe
from engine.sweeps import proposals
from engine.sweeps.spec import SweepSpec

Path = tuple[str | int, ...]

_BRANCHES = ("Range", "Choices", "Objective", "tuple[Objective, ...]")  # what pydantic calls the kinds there may be
_ONE_OF_TWO = "give it low and high, or choices"
_USUAL = "Input should be a valid "


def parse(values: Any) -> SweepSpec:
    """Only shape and sizes are looked at. Raises RefusedError with a line for every part that is wrong."""
    if not isinstance(values, Mapping):
        raise RefusedError("That is not a sweep.", "A sweep has name, recipe, space and budget.")
    try:
        return SweepSpec.model_validate(_numbers(values))
    except ValidationError as error:
        raise RefusedError("The sweep is not valid.", "\n".join(line for _, line in problems(error, values))) from error


def _numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """YAML reads 2e-4 as text, because it has no dot; people mean the number."""
    result = dict(values)
    if isinstance(result.get("recipe"), dict):
        result["recipe"] = recipes.with_numbers(result["recipe"])
    if isinstance(result.get("space"), dict):
        result["space"] = {str(name): _choices(str(name), part) for name, part in result["space"].items()}
    return result


def _choices(name: str, part: Any) -> Any:
    if not (isinstance(part, dict) and isinstance(part.get("choices"), list)):
        return part
    if name not in Recipe.model_fields or not proposals.is_number(name):
        return part
    return {**part, "choices": [recipes.with_numbers({name: choice})[name] for choice in part["choices"]]}


def problems(error: ValidationError, values: Mapping[str, Any]) -> list[tuple[Path, str]]:
    """Where something is wrong, as a path into the values, and what, in a line. The same place is named once."""
    lines: dict[Path, str] = {}
    for violation in error.errors(include_url=False):
        path = tuple(part for part in violation["loc"] if part not in _BRANCHES)
        if _is_of_other_kind(violation["loc"], values):
            continue
        lines.setdefault(path, _line(path, dict(violation)))
    return list(lines.items())


def _is_of_other_kind(place: Sequence[str | int], values: Mapping[str, Any]) -> bool:
    """Whether a violation is about the kind that was not meant: a range that lacks choices lacks nothing."""
    if "Objective" in place:
        return isinstance(values.get("objective"), list | tuple)
    if "tuple[Objective, ...]" in place:
        return not isinstance(values.get("objective"), list | tuple)
    if place[0] != "space" or len(place) < 3:
        return False
    part = values["space"][place[1]]
    meant = "Choices" if isinstance(part, Mapping) and "choices" in part else "Range"
    return place[2] != meant


def _line(path: Path, violation: dict[str, Any]) -> str:
    name = ".".join(map(str, path)) or "sweep"
    given, kind = violation["input"], violation["type"]
    if kind == "extra_forbidden":
        return f"There is no sweep field `{name}`."
    if len(path) == 2 and path[0] == "space":
        return f"`{name}` is {given!r:.80}: {_ONE_OF_TWO}."
    if kind == "missing":
        return f"`{name}` is missing."
    message = str(violation["msg"]).removeprefix("Value error, ").replace(_USUAL, "it must be a ")
    message = message.replace("Input should", "it must").replace("a integer", "a whole number")
    if isinstance(given, dict | list | tuple):
        return f"`{name}`: {message}."
    return f"`{name}` is {given!r:.80}: {message}."
