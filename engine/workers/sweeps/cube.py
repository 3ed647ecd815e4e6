"""A space as a cube: each field is a number from 0 to 1, and where it is finite, one of so many cells."""

import json
import math
from collections.abc import Mapping

from engine.sweeps.spec import Choices, Dimension, Range, Value
from engine.sweeps.study import Study


def cells(dimension: Dimension, whole: bool) -> int | None:
    """How many values there are; None where they are without end."""
    match dimension:
        case Choices(choices=choices):
            return len(choices)
        case Range(low=low, high=high) if low == high:
            return 1
        case Range(low=low, high=high) if whole or step_of(dimension):
            return math.floor((high - low) / (step_of(dimension) or 1) + 1e-9) + 1
    return None


def step_of(dimension: Range) -> float | None:
    """On a log scale there are no steps: Optuna knows none either."""
    return None if dimension.log else dimension.step


def nth(dimension: Dimension, whole: bool, place: int) -> Value:
    """The value at a place from 0, of `cells`."""
    if isinstance(dimension, Choices):
        return dimension.choices[place]
    value = dimension.low + place * (step_of(dimension) or 1) if place else dimension.low
    return round(value) if whole else float(f"{value:.12g}")  # 0.1 + 2 * 0.1 is 0.3


def at(dimension: Dimension, whole: bool, unit: float) -> Value:
    """The value at a place between 0 and 1; on a log scale where the range says so."""
    unit = min(max(unit, 0.0), 1.0)
    count = cells(dimension, whole)
    if isinstance(dimension, Range) and dimension.log:
        low, high = (dimension.low - 0.5, dimension.high + 0.5) if whole else (dimension.low, dimension.high)
        value = math.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
        return round(min(max(value, dimension.low), dimension.high)) if whole else _between(dimension, value)
    if count is None and isinstance(dimension, Range):
        return _between(dimension, dimension.low + unit * (dimension.high - dimension.low))
    count = count or 1
    return nth(dimension, whole, min(int(unit * count), count - 1))


def unit(dimension: Range, whole: bool, value: float) -> float:
    """Where a number lies between 0 and 1: the other way round of `at`."""
    if dimension.low == dimension.high:
        return 0.5
    half = 0.5 * (step_of(dimension) or 1) if whole or step_of(dimension) else 0.0  # the middle of its cell
    low, high = dimension.low - half, dimension.high + half
    if dimension.log:
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return (value - low) / (high - low)


def size(study: Study) -> int | None:
    """How many settings there are in the whole space; None where they are without end."""
    total = 1
    for field, dimension in study.space.items():
        count = cells(dimension, field in study.whole)
        if count is None:
            return None
        total *= count
    return total


def combination(study: Study, place: int) -> dict[str, Value]:
    """The settings at a place from 0 of a space that is finite (`size`), the last field changing first."""
    params: dict[str, Value] = {}
    for field, dimension in reversed(study.space.items()):
        place, cell = divmod(place, cells(dimension, field in study.whole) or 1)
        params[field] = nth(dimension, field in study.whole, cell)
    return {field: params[field] for field in study.space}


def key(study: Study, params: Mapping[str, Value]) -> str:
    """Settings as a text that is the same for the same settings: 16.0 of a whole field is 16, and True is not 1."""
    values = [params.get(field) for field in study.space]
    plain = [
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value for value in values
    ]
    return json.dumps(plain)


def _between(dimension: Range, value: float) -> float:
    return min(max(value, dimension.low), dimension.high)
