"""The way through the pages of a long list: the page before, where this one is, the page after."""

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from pages.parts import html


@dataclass(frozen=True)
class Place:
    """Which rows are shown: `size` of `total`, from `offset` on."""

    offset: int
    size: int
    total: int


def pager(place: Place, address: Callable[[int], str], what: str = "rows") -> Markup:
    """Soft links, where there is more than one page. `address` leads to the page that begins at a row."""
    if place.total <= place.size:
        return Markup()
    last = min(place.offset + place.size, place.total)
    return Markup('<nav class="da-pager" aria-label="Pages of {}">{}<span>{} to {} of {}</span>{}</nav>').format(
        what,
        _turn("Previous", address(max(0, place.offset - place.size)), place.offset > 0),
        html.count(place.offset + 1),
        html.count(last),
        html.count(place.total),
        _turn("Next", address(last), last < place.total),
    )


def _turn(label: str, address: str, there: bool) -> Markup:
    if not there:
        return Markup('<span class="ts-button" aria-disabled="true">{}</span>').format(label)
    return Markup('<a class="ts-button" data-soft href="{}">{}</a>').format(address, label)
