"""A row of fields above a list: what is chosen goes into the address at once."""

from collections.abc import Sequence

from markupsafe import Markup

from pages.parts import fields, html
from pages.parts.filling import filled


def form(id: str, search: str, label: str, *selects: object) -> Markup:
    """A search field and choices. Another choice leads to the first page."""
    return filled(
        '<form class="ts-filters" role="search" data-query="change" data-forget="page" id="{}">'
        '<input type="search" name="q" value="{}" maxlength="120" placeholder="Search by name" aria-label="{}">'
        '{}<button class="ts-button">Search</button></form>',
        id,
        search,
        label,
        html.join(selects),
    )


def select(name: str, label: str, choices: Sequence[tuple[str, str]], chosen: str) -> Markup:
    """A choice of (value, words) without a visible label: its first choice says what it is about."""
    options = fields.options(choices, chosen)
    return filled('<select name="{}" aria-label="{}">{}</select>', name, label, options)
