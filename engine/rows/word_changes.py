"""Two texts compared word by word: what both have, what only the first has, what only the second has. Pure."""

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

MOST_WORDS = 600  # of one text
MOST_EQUAL = 10_000  # pairs of the same word: with both at their most it takes a tenth of a second, and not minutes
_WIDE = "\u2e80-\u2fdf\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # written without spaces: each is a word
_WORD = re.compile(rf"\s*(?:[{_WIDE}]|[^\W{_WIDE}]+|[^\w\s])|\s+")

Kind = Literal["same", "removed", "added"]


@dataclass(frozen=True)
class Piece:
    """A stretch of text, and which of the two texts has it."""

    kind: Kind
    text: str


def compare(before: str, after: str) -> list[Piece]:
    """The pieces in reading order: without the added ones they make `before`, without the removed ones `after`.

    Texts that would take difflib long are not looked into: what differs is removed and added as a whole.
    """
    old, new = _words(before), _words(after)
    start, end = _same_ends(old, new)
    middle = old[start : len(old) - end], new[start : len(new) - end]
    pieces = [Piece("same", "".join(old[:start])), *_changes(*middle), Piece("same", "".join(old[len(old) - end :]))]
    return _joined(pieces)


def _words(text: str) -> list[str]:
    """Each word with the white space before it, so that blanks are not compared with blanks."""
    return _WORD.findall(text)


def _same_ends(old: list[str], new: list[str]) -> tuple[int, int]:
    """How many words are the same at the start and, beyond those, at the end."""
    shorter = min(len(old), len(new))
    start = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    ends = range(1, shorter - start + 1)
    return start, next((place - 1 for place in ends if old[-place] != new[-place]), shorter - start)


def _changes(old: list[str], new: list[str]) -> list[Piece]:
    if max(len(old), len(new)) > MOST_WORDS or _equal_pairs(old, new) > MOST_EQUAL:
        return _pieces("".join(old), "".join(new))
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    pieces: list[Piece] = []
    for step, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if step == "equal":
            pieces.append(Piece("same", "".join(new[new_start:new_end])))
        else:
            pieces += _pieces("".join(old[old_start:old_end]), "".join(new[new_start:new_end]))
    return pieces


def _equal_pairs(old: list[str], new: list[str]) -> int:
    removed, added = Counter(old), Counter(new)
    return sum(count * added[word] for word, count in removed.items())


def _pieces(removed: str, added: str) -> list[Piece]:
    """What became of one stretch. White space that both begin with is the same."""
    blanks = min(len(removed) - len(removed.lstrip()), len(added) - len(added.lstrip()))
    shared = blanks if removed[:blanks] == added[:blanks] else 0
    return [Piece("same", removed[:shared]), Piece("removed", removed[shared:]), Piece("added", added[shared:])]


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Without empty ones, and neighbours of one kind as one."""
    groups = groupby((piece for piece in pieces if piece.text), key=lambda piece: piece.kind)
    return [Piece(kind, "".join(piece.text for piece in group)) for kind, group in groups]
