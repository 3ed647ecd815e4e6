"""What differs between two recipes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.recipes.provenance import default, is_same_value
from engine.recipes.recipe import Recipe


@dataclass(frozen=True)
class Difference:
    """A field whose value is not the same on both sides."""

    field: str
    left: Any
    right: Any


def diff(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Difference]:
    """The fields that differ, in the order of the recipe. What a side does not name is at its default there.

    A field that no recipe has any more is left out: it came from another version of the studio.
    """
    pairs = ((name, left.get(name, default(name)), right.get(name, default(name))) for name in Recipe.model_fields)
    return [
        Difference(name, left_value, right_value)
        for name, left_value, right_value in pairs
        if not is_same_value(left_value, right_value)
    ]
