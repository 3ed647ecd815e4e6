"""The way through the pages of a long list: the page before, where this one is, the page after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from markupsafe import Markup

from pages.parts import html
from pages.parts.filling import filled


@dataclass(frozen=True)
class Place:
    """Which rows are shown: `size` of `total`, from `offset` on."""

    offset: int
    size: int
    total: int


def place_of(query: Mapping[str, str], size: int, total: int, name: str = "page") -> Place:
    """The page that the address asks for by its number, under that name; the nearest one there is."""
    last = max(0, total - 1) // size
    return Place(min(page_number(query, name) - 1, last) * size, size, total)


def page_number(query: Mapping[str, str], name: str = "page") -> int:
    """The page that the address asks for, from 1 on."""
    text = query.get(name, "")
    return max(1, int(text)) if text.isdecimal() and len(text) < 10 else 1


def pager_by_page(place: Place, path: str, noun: str, **query: str) -> Markup:
    """Soft links for a list whose address has the number of the page; `query` is what else it has to keep."""

    def address(offset: int) -> str:
        return f"{path}?{urlencode({**query, 'page': offset // place.size + 1})}"

    return pager(place, address, noun)


def pager(place: Place, address: Callable[[int], str], noun: str = "rows") -> Markup:
    """Soft links, where there is more than one page. `address` leads to the page that begins at a row."""
    if place.total <= place.size:
        return Markup()
    last = min(place.offset + place.size, place.total)
    return filled(
        '<nav class="da-pager" aria-label="Pages of {}">{}<span>{} to {} of {}</span>{}</nav>',
        noun,
        _page_link("Previous", address(max(0, place.offset - place.size)), place.offset > 0),
        html.count(place.offset + 1),
        html.count(last),
        html.count(place.total),
        _page_link("Next", address(last), last < place.total),
    )


def _page_link(label: str, address: str, enabled: bool) -> Markup:
    if not enabled:
        return filled('<span class="ts-button" aria-disabled="true">{}</span>', label)
    return filled('<a class="ts-button" data-soft href="{}">{}</a>', address, label)


def offset_of(query: Mapping[str, str]) -> int:
    """How many rows come before the page that the address asks for."""
    return int(query["from"]) if query.get("from", "").isdecimal() and len(query["from"]) < 16 else 0
