"""Whether one field of a space can be searched as it is asked for: what is wrong, with its value and the remedy."""

import difflib
from functools import lru_cache
from typing import Annotated, Any

import annotated_types
from pydantic import TypeAdapter, ValidationError

from engine.recipes import methods
from engine.recipes.recipe import Recipe
from engine.sweeps import proposals
from engine.sweeps.spec import Choices, Dimension, Range, Value
from engine.train.rules.problem import Problem, Problems

_ROUNDING = 1e-9  # of a step: 0.1 goes three times into 0.3


def problems(field: str, part: Dimension, method: str, tunings: tuple[str, ...]) -> Problems:
    """Everything that is wrong with one field. `tunings` are those that the space's recipes may have."""
    misplaced = _misplaced(field, method, tunings)
    if misplaced:
        yield misplaced
    elif isinstance(part, Choices):
        yield from _choices(field, part)
    elif not proposals.is_number(field):
        options = ", ".join(shown(option) for option in proposals.words(field, method))
        hint = f"Give it choices{f', some of: {options}' if options else ''}."
        yield Problem(field, f"{field} is not a number, and the sweep gives it a range.", hint)
    else:
        yield from _range(field, part)


def _misplaced(field: str, method: str, tunings: tuple[str, ...]) -> Problem | None:
    offered = {name for tuning in tunings for name in proposals.sweepable(method, tuning)}
    if field in offered:
        return None
    if field not in Recipe.model_fields:
        near = _standing_in(field, offered) or difflib.get_close_matches(field, sorted(offered), 1, 0.5)
        hint = f"Did you mean {near[0]}?" if near else "The fields of a recipe are in the guide to training."
        return Problem(field, f"A recipe has no field `{field:.80}`.", hint)
    if field in proposals.NOT_SWEPT:
        return Problem(
            field, f"{field} cannot be swept: it {proposals.NOT_SWEPT[field]}.", "Leave it out of the space."
        )
    subject = f"the method {method}" if not methods.uses(method, field) else f"the tuning {tunings[0]}"
    return Problem(field, f"{field} is in the space, and {subject} does not use it.", "Leave it out of the space.")


def _standing_in(field: str, offered: set[str]) -> list[str]:
    """lr, rank, batch: the field whose name or initials are meant."""
    short = field.lower().strip("_")
    initials = [name for name in sorted(offered) if "".join(word[0] for word in name.split("_")) == short]
    return initials or [name for name in sorted(offered) if len(short) > 2 and short in name]


def _choices(field: str, part: Choices) -> Problems:
    seen: list[Value] = []
    for choice in part.choices:
        if any(choice == other and type(choice) is type(other) for other in seen):
            yield Problem(field, f"{field} has the choice {shown(choice)} twice.", "Leave one of them out.")
            return
        seen.append(choice)
        if refusal := refused(field, choice):
            yield Problem(field, f"{field} cannot be {shown(choice)}: {refusal}.", "Leave this choice out.")
    if len(part.choices) == 1:
        hint = "Add a choice, or put it into the recipe and leave it out of the space."
        yield Problem(field, f"{field} has one choice, {shown(part.choices[0])}: there is nothing to find.", hint)


def _range(field: str, part: Range) -> Problems:
    low, high, step = part.low, part.high, part.step
    if low > high:
        yield Problem(field, f"{field} goes from {low:g} to {high:g}: low is above high.", f"Use {high:g} to {low:g}.")
        return
    if low == high:
        hint = "Use a wider range, or put it into the recipe and leave it out of the space."
        yield Problem(field, f"{field} goes from {low:g} to {high:g}: there is nothing to find.", hint)
        return
    yield from _beyond(field, part)
    if part.log and low <= 0:
        hint = f"Use a low above 0, such as {high / 100:g}, or turn log off."
        yield Problem(field, f"{field} is searched on a log scale, which has no {low:g}.", hint)
    if proposals.is_whole(field):
        yield from (_not_whole(field, name, number) for name, number in _numbers(part) if number != int(number))
    if step is not None:
        yield from _step(field, part, step)


def _numbers(part: Range) -> list[tuple[str, float]]:
    numbers = [("low", part.low), ("high", part.high)]
    return numbers if part.step is None else [*numbers, ("step", part.step)]


def _not_whole(field: str, name: str, number: float) -> Problem:
    return Problem(field, f"{field} is a whole number, and its {name} is {number:g}.", f"Use {round(number) or 1}.")


def _beyond(field: str, part: Range) -> Problems:
    """Outside what the recipe's field can be."""
    for name, number in (("low", part.low), ("high", part.high)):
        if refusal := refused(field, int(number) if proposals.is_whole(field) else number):
            limits = bounds(field)
            hint = f"Use a {name} {limits}." if limits else ""
            yield Problem(field, f"{field} has {name} {number:g}: {refusal}.", hint)
    if field == "max_steps" and part.low < 1 <= part.high:
        yield Problem(
            field, f"max_steps has low {part.low:g}: a trial has at least one step.", "Use a low of 1 or more."
        )


def _step(field: str, part: Range, step: float) -> Problems:
    width = part.high - part.low
    if step <= 0:
        yield Problem(field, f"{field} has step {step:g}, which is not above 0.", "Use a step above 0, or none.")
    elif part.log:
        hint = "Turn log off, leave step empty, or give choices."
        yield Problem(field, f"{field} has log and step {step:g}: only one of them can be set.", hint)
    elif step > width:
        message = f"{field} has step {step:g}, which is more than there is from {part.low:g} to {part.high:g}."
        yield Problem(field, message, f"Use {width:g} or less, or give choices.")
    elif abs(width / step - round(width / step)) > _ROUNDING * max(1, width / step):
        last = part.low + int(width / step) * step
        message = f"{field} from {part.low:g} in steps of {step:g} ends at {last:g}, not at {part.high:g}."
        yield Problem(field, message, f"Use high {last:g} or {last + step:g}, or another step.")


def refused(field: str, value: Value) -> str:
    """What the recipe says against a value by itself, such as "must be greater than 0"; "" when it can be."""
    try:
        _adapter(field).validate_python(value, strict=True)
    except ValidationError as error:
        return str(error.errors(include_url=False)[-1]["msg"]).replace("Input should", "it must")
    return ""


@lru_cache(maxsize=256)
def _adapter(field: str) -> TypeAdapter[Any]:
    info = Recipe.model_fields[field]
    return TypeAdapter(Annotated[info.annotation, info])  # type: ignore[arg-type]


def bounds(field: str) -> str:
    """What a field's numbers can be, in words: "above 0 and at most 1"; "" where there is no limit."""
    said = {
        annotated_types.Gt: ("above {:g}", "gt"),
        annotated_types.Ge: ("of at least {:g}", "ge"),
        annotated_types.Lt: ("below {:g}", "lt"),
        annotated_types.Le: ("at most {:g}", "le"),
    }
    parts = [
        words.format(getattr(limit, name))
        for limit in Recipe.model_fields[field].metadata
        for kind, (words, name) in said.items()
        if isinstance(limit, kind)
    ]
    return " and ".join(parts)


def shown(value: Value) -> str:
    return f"`{value:.80}`" if isinstance(value, str) else str(value)
