"""A load as a person writes it, on the page and on the command line: numbers, an objective, options with values."""

from typing import Any

from pydantic import ValidationError

from engine.benchmarks.load import Load
from engine.errors import RefusedError
from engine.recipes import recipe


def load(**fields: Any) -> Load:
    """The load of these fields. Raises RefusedError, a line for each that is wrong."""
    try:
        return Load.model_validate(fields)
    except ValidationError as error:
        hint = "\n".join(recipe.problems(error, "field", Load.model_fields))
        raise RefusedError("This load is not valid.", hint) from error


def numbers(text: str) -> tuple[int, ...]:
    """`1,4,16`. Raises RefusedError."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        hint = "Write whole numbers separated by commas, such as 1,4,16."
        raise RefusedError(f"`{text:.40}` is not a number of requests at once.", hint) from None


def objective(text: str) -> dict[str, float]:
    """`ttft=200,tpot=50`, in milliseconds. Raises RefusedError."""
    pairs = [part.partition("=") for part in text.replace(" ", ",").split(",") if part]
    try:
        return {name: float(limit) for name, _, limit in pairs}
    except ValueError:
        hint = "Write ttft, tpot or e2el with milliseconds, such as ttft=200,tpot=50."
        raise RefusedError(f"`{text:.60}` is not an objective.", hint) from None


def options(text: str) -> dict[str, list[Any]]:
    """`max_num_seqs=4,16 max_num_batched_tokens=512`: an option and its values each. Raises RefusedError."""
    pairs = [part.partition("=") for part in text.split()]
    if wrong := [name for name, _, values in pairs if not values.strip(",")]:
        hint = "Write OPTION=A,B with a space between options, such as max_num_seqs=16,64."
        raise RefusedError(f"`{wrong[0]:.40}` has no values.", hint)
    return {name: [_value(value) for value in values.split(",") if value] for name, _, values in pairs}


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
