"""Pieces of a row's texts with places highlighted: what a check found, or what was searched for."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from markupsafe import Markup

from pages.data import row_view
from pages.parts import html

Spans = Callable[[str], Sequence[tuple[Any, ...]]]
"""A text -> (start, end, ...) of each place, from left to right."""

AROUND = 90  # characters shown on each side of a place
BEGINNING = 220  # characters of a text in which nothing is highlighted
MOST_PLACES = 5  # in one text
MOST_TEXTS = 4
COMPARED = 6_000  # characters of two texts that are compared word by word
LOOKED_AT = 200_000  # characters of one text; a row may have megabytes
_NOT_TEXTS = ("row", "tools", "extra", "label", "labels")


def texts_of(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(who or which column, text) for each text of a row of any kind."""
    for name, value in row.items():
        if name in _NOT_TEXTS:
            continue
        if isinstance(value, list) and value and isinstance(value[0], str):
            yield name, "\n".join(value)
        else:
            turns = row_view.turns_of(name, value)
            prefix = f"{name}: " if name in ("chosen", "rejected") else ""
            yield from ((prefix + str(turn.get("role", name)), str(turn.get("content") or "")) for turn in turns)


def excerpts(row: Mapping[str, Any], spans: Spans | None = None) -> Markup:
    """The places in their surroundings; the beginnings of the row's texts when there are none."""
    texts = [(source, text[:LOOKED_AT]) for source, text in texts_of(row)]
    placed = [(source, text, list(spans(text))[:MOST_PLACES]) for source, text in texts] if spans else []
    shown_texts = [(source, marked(text, places)) for source, text, places in placed if places]
    if not shown_texts:
        shown_texts = [(source, Markup("{}").format(_cut(text))) for source, text in texts if text.strip()]
    lines = html.join(
        Markup("<p><b>{}</b><span>{}</span></p>").format(source, text) for source, text in shown_texts[:MOST_TEXTS]
    )
    return Markup('<div class="dt-excerpts">{}</div>').format(lines)


def differing(row: Mapping[str, Any], other: Mapping[str, Any]) -> Spans:
    """The words of a row's texts that stand otherwise in another row."""
    pairs = zip(texts_of(row), texts_of(other), strict=False)
    places = {mine: _differing(mine[:COMPARED], theirs[:COMPARED]) for (_, mine), (_, theirs) in pairs}
    return lambda text: places.get(text, [])


def _differing(text: str, other: str) -> list[tuple[int, int, str]]:
    words = list(re.finditer(r"\S+", text))
    matcher = SequenceMatcher(None, [word.group() for word in words], other.split(), autojunk=False)
    changed = [(first, last) for kind, first, last, _, _ in matcher.get_opcodes() if kind != "equal" and last > first]
    return [(words[first].start(), words[last - 1].end(), "not in the other row") for first, last in changed]


def marked(text: str, places: Sequence[tuple[Any, ...]]) -> Markup:
    """A text cut down to the places and what stands around them."""
    pieces: list[Markup] = []
    shown_until = 0
    for start, end, *titles in places:
        start_shown = max(shown_until, start - AROUND)
        pieces.append(_gap(start_shown > shown_until, shown_until > 0) + Markup("{}").format(text[start_shown:start]))
        name = Markup(' title="{}"').format(titles[0]) if titles else Markup()
        pieces.append(Markup("<mark{}>{}</mark>").format(name, text[start:end]))
        shown_until = end
        pieces.append(Markup("{}").format(text[end : min(end + AROUND, _next(places, end, len(text)))]))
        shown_until = min(end + AROUND, _next(places, end, len(text)))
    return html.join([*pieces, _gap(shown_until < len(text), False)])


def _next(places: Sequence[tuple[Any, ...]], after: int, length: int) -> int:
    return next((place[0] for place in places if place[0] >= after), length)


def _gap(present: bool, inside: bool) -> Markup:
    return Markup(" <i>...</i> " if inside else "<i>...</i>") if present else Markup()


def _cut(text: str) -> str:
    return text if len(text) <= BEGINNING else f"{text[:BEGINNING].rstrip()} ..."


def folded(row: Mapping[str, Any]) -> Markup:
    """The whole row, shut."""
    return Markup('<details class="da-fold"><summary>Whole row</summary>{}</details>').format(
        row_view.content_html(row)
    )
