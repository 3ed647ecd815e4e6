"""Several things chosen in a list: the address holds the choice, so it can be passed on.

A box or button is a link that toggles its id in the address as it is when it is clicked, not as it was when the page
was drawn: two quick clicks choose two. `href` is for where no script runs, and Space presses it as a button.
"""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from pages.parts import html
from pages.parts.filling import filled

Address = Callable[[Sequence[str]], str]
"""The address of the list with those ids chosen."""

PARAMETER = "chosen"


def ids_of(text: str, most: int) -> list[str]:
    """Ids of an address (`a,b,c`), each once, the first `most` of them."""
    return list(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))[:most]


def box(id: str, label: str, chosen: Sequence[str], most: int, address: Address) -> Markup:
    """The box of one row; none where no more can be chosen. `label` says what it chooses."""
    if _is_full(id, chosen, most):
        return Markup()
    return filled(
        '<a class="ts-box" data-soft {} href="{}" role="checkbox" aria-checked="{}" aria-label="{}" title="{}"></a>',
        _toggles(id, most),
        address(_then(id, chosen)),
        _said(id in chosen),
        label,
        label,
    )


def fixed(label: str) -> Markup:
    """A box of what is chosen with all others: it alone cannot be taken out."""
    return filled(
        '<span class="ts-box" role="checkbox" aria-checked="true" aria-disabled="true" aria-label="{}" title="{}">'
        "</span>",
        label,
        label,
    )


def button(id: str, label: str, chosen: Sequence[str], most: int, address: Address) -> Markup:
    """The same as a button with the word Choose."""
    if _is_full(id, chosen, most):
        return Markup()
    return filled(
        '<a class="ts-button" data-soft {} href="{}" role="button" aria-pressed="{}" aria-label="{}">{}</a>',
        _toggles(id, most),
        address(_then(id, chosen)),
        _said(id in chosen),
        label,
        "Chosen" if id in chosen else "Choose",
    )


def option(parameter: str, value: str, label: object, now: Sequence[str], href: str) -> Markup:
    """One of several values that a parameter of the address lists (`cols=a,b`), `now` while it says none."""
    return filled(
        '<a class="ts-option" data-soft data-toggle="{}" data-value="{}" data-now="{}" href="{}" role="checkbox"'
        ' aria-checked="{}"><span class="ts-box" aria-hidden="true"></span>{}</a>',
        parameter,
        value,
        ",".join(now),
        href,
        _said(value in now),
        label,
    )


def bar(words: str, acts: Sequence[object], clear: str) -> Markup:
    """How many are chosen, what can be done with them, and a link that chooses none."""
    return filled(
        '<div class="ts-above ts-chosen" role="status"><p>{}</p><div class="ts-actions">{}{}</div></div>',
        words,
        html.join(acts),
        html.link("Clear", clear, soft=True),
    )


def beside(label: str, href: str) -> Markup:
    """The link that shows the chosen ones side by side."""
    return filled('<a class="ts-button" data-tone="primary" data-soft href="{}">{}</a>', href, label)


def _toggles(id: str, most: int) -> Markup:
    return filled('data-toggle="{}" data-value="{}" data-most="{}"', PARAMETER, id, most)


def _is_full(id: str, chosen: Sequence[str], most: int) -> bool:
    return id not in chosen and len(chosen) >= most


def _then(id: str, chosen: Sequence[str]) -> list[str]:
    return [one for one in chosen if one != id] if id in chosen else [*chosen, id]


def _said(is_so: bool) -> str:
    return "true" if is_so else "false"
