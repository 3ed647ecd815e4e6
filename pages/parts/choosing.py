"""Several things chosen in a list, by boxes that are links: the address holds the choice, so it can be passed on."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

Address = Callable[[Sequence[str]], str]
"""The address of the list with those ids chosen."""


def ids_of(text: str, most: int) -> list[str]:
    """Ids of an address (`a,b,c`), each once, the first `most` of them."""
    return list(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))[:most]


def box(id: str, label: str, chosen: Sequence[str], most: int, address: Address) -> Markup:
    """The box of one row; none where no more can be chosen. `label` says what it chooses."""
    is_chosen = id in chosen
    if not is_chosen and len(chosen) >= most:
        return Markup()
    then = [one for one in chosen if one != id] if is_chosen else [*chosen, id]
    return Markup(
        '<a class="ts-box" data-soft href="{}" role="checkbox" aria-checked="{}" aria-label="{}" title="{}"></a>'
    ).format(address(then), "true" if is_chosen else "false", label, label)
