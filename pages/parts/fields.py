"""Labelled fields of a form inside a live part, and what a person wrote into them as numbers."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from engine.errors import RefusedError
from pages.parts import html
from pages.parts.filling import filled

SHORT = 18  # characters that fit into a field of the usual width


def form(act: str, id: str, label: str, *content: object) -> Markup:
    """A form whose button does `act` on `id`; its fields reach the act as values."""
    return filled(
        '<form class="dt-fields" data-act="{}" data-id="{}">{}'
        '<button class="ts-button" data-tone="primary" type="submit">{}</button></form>',
        act, id, html.join(content), label,
    )  # fmt: skip


def number(
    name: str, label: str, value: float, *, least: float = 0, most: float | None = None, step: str = "1"
) -> Markup:
    """A field for a number."""
    maximum = Markup(' max="{}"').format(f"{most:g}" if isinstance(most, float) else most) if most is not None else ""
    return Markup(
        '<label><b>{}</b><input type="number" name="{}" value="{}" min="{:g}"{} step="{}" required></label>'
    ).format(label, name, value, least, maximum, step)


def text(name: str, label: str, placeholder: str = "", value: str = "") -> Markup:
    """A field for a short text."""
    return filled(
        '<label><b>{}</b><input name="{}" value="{}" placeholder="{}" maxlength="1000"></label>',
        label, name, value, placeholder,
    )  # fmt: skip


def select(name: str, label: str, choices: Sequence[tuple[str, str]], chosen: str = "") -> Markup:
    """A choice of (value, words). One with long words is as wide as they are, so that none is cut off."""
    long = Markup(' class="dt-long"') if any(len(words) > SHORT for _, words in choices) else ""
    return filled(
        '<label{}><b>{}</b><select name="{}">{}</select></label>', long, label, name, options(choices, chosen)
    )


def options(choices: Sequence[tuple[str, str]], chosen: str = "") -> Markup:
    """What a list offers, as (value, words)."""
    return html.join(
        filled('<option value="{}"{}>{}</option>', value, _SELECTED if value == chosen else "", words)
        for value, words in choices
    )


_SELECTED = Markup(" selected")


def whole(values: Mapping[str, str], name: str, meaning: str) -> int:
    """A field as a whole number. Raises RefusedError naming it."""
    try:
        return int(values.get(name, ""))
    except ValueError:
        raise RefusedError(f"{values.get(name, '')[:40]!r} cannot be {meaning}.", "Write a whole number.") from None


def real(values: Mapping[str, str], name: str, meaning: str) -> float:
    """A field as a number. Raises RefusedError naming it."""
    try:
        return float(values.get(name, ""))
    except ValueError:
        raise RefusedError(f"{values.get(name, '')[:40]!r} cannot be {meaning}.", "Write a number.") from None
