"""A row that got worse, side by side: words that only the base said, and words that only the tuned model says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.rows import word_changes
from engine.rows.word_changes import Piece

MOST_SHOWN = 4_100  # characters of one text; results are cut at 4,000 and say so themselves


@dataclass(frozen=True)
class Side:
    """One text as pieces; `left` is how many characters of it are not shown."""

    pieces: tuple[Piece, ...]
    left: int = 0


def whole(text: Any, most: int = MOST_SHOWN) -> Side:
    """A text by itself, from its start."""
    text = "" if text is None else str(text)
    return Side((Piece("same", text[:most]),) if text else (), max(0, len(text) - most))


def answers(row: Mapping[str, Any], most: int = MOST_SHOWN) -> tuple[Side, Side]:
    """The answers of base and tuned; what only one of them has is marked there."""
    base, tuned = whole(row["base"], most), whole(row["tuned"], most)
    pieces = word_changes.compare(_text(base), _text(tuned))
    return (
        Side(tuple(piece for piece in pieces if piece.kind != "added"), base.left),
        Side(tuple(piece for piece in pieces if piece.kind != "removed"), tuned.left),
    )


def _text(side: Side) -> str:
    return "".join(piece.text for piece in side.pieces)
