"""Views of one thing as tabs: links, so that each view has an address and the way back leads to the one before."""

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from pages.parts import html


@dataclass(frozen=True)
class Link:
    """One tab as it is drawn."""

    label: str
    href: str
    is_open: bool
    count: int | None = None  # shown beside the label


def strip(name: str, links: Iterable[Link]) -> Markup:
    """The tabs in a row; `name` is what a screen reader calls them."""
    return Markup('<nav class="ts-tabs" aria-label="{}">{}</nav>').format(name, html.join(map(_link, links)))


def _link(link: Link) -> Markup:
    count = "" if link.count is None else Markup(" <span>{}</span>").format(html.count(link.count))
    current = Markup(' aria-current="true"') if link.is_open else ""
    return Markup('<a data-soft href="{}"{}>{}{}</a>').format(link.href, current, link.label, count)
