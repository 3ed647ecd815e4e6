"""Fields of a recipe and their values in words."""

from collections.abc import Mapping
from typing import Any

from engine.recipes.recipe import Recipe

TITLES = {name: field.title or name for name, field in Recipe.model_fields.items()}


def value_words(value: Any) -> str:
    """A value of a recipe as people write it."""
    match value:
        case None:
            return "automatic"
        case bool():
            return "on" if value else "off"
        case float():
            return _number(value)
        case "":
            return "empty"
    return str(value)


def _number(value: float) -> str:
    """3e-4 rather than 0.0003 or 3e-04."""
    if 0 < abs(value) < 1e-3:
        digits, _, power = f"{value:.6e}".partition("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    return f"{value:g}"


def changes_in_words(values: Mapping[str, Any]) -> str:
    """Several fields with the values they would get: "LoRA rank 64, LoRA alpha 128"."""
    return ", ".join(f"{TITLES[name]} {value_words(value)}" for name, value in values.items())
