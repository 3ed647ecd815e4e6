"""Gauges: how much of something is in use, as a bar with the figures beside it."""

from collections.abc import Iterable

from markupsafe import Markup

from pages.parts import html
from pages.parts.filling import filled

FULL = 0.9  # from here on a gauge warns


def gauges(items: Iterable[object]) -> Markup:
    """Several under one another."""
    return filled('<div class="ts-gauges">{}</div>', html.join(items))


def of_bytes(name: str, used: float, total: float) -> Markup:
    """So many bytes of so many."""
    return share(name, f"{html.size(used)} of {html.size(total)}", used / total if total else 0.0)


def share(name: str, words: str, part: float, full_is_bad: bool = True) -> Markup:
    """A part from 0 to 1, in words and as a bar. A processor at work is no warning."""
    bar = html.progress(part, f"{name} in use", "bad" if full_is_bad and part > FULL else "calm")
    return filled("<div><span>{}</span><small>{}</small>{}</div>", name, words, bar)


def figure(name: str, words: object) -> Markup:
    """A figure that has no bar."""
    return filled("<div><span>{}</span><small>{}</small></div>", name, words)
