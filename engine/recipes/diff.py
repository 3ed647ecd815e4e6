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


@dataclass(frozen=True)
class Differing:
    """A field that is not the same in all of several recipes. `values`: by the name of the recipe."""

    field: str
    values: Mapping[str, Any]


def among(recipes: Mapping[str, Mapping[str, Any]]) -> list[Differing]:
    """The fields that are not the same in all of the recipes, in the order of the recipe; defaults as in `diff`."""
    differing = []
    for field in Recipe.model_fields:
        values = {name: recipe.get(field, default(field)) for name, recipe in recipes.items()}
        first, *others = values.values()
        if not all(is_same_value(first, other) for other in others):
            differing.append(Differing(field, values))
    return differing
