"""What a person types to search for: words, "exact phrases" and beginnings*. All of them must be in a row.

Whatever is typed is looked for as it stands: nothing of it is ever read as an operator of the index.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

MOST_TERMS = 20
LONGEST = 400  # characters; what follows is passed over

_PARTS = re.compile(r'"([^"]*)"?|([^\s"]+)')
_NO_SPACES = re.compile("([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e01-\u0e2e\u0e30-\u0e33\u0e40-\u0e46])")
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Term:
    """Words that follow each other, in small letters without accents. With `open`, the last may go on."""

    words: tuple[str, ...]
    open: bool = False


def terms(text: str) -> list[Term]:
    """What to look for; empty when there is no word in the text."""
    clean = text[:LONGEST].encode("utf-8", "ignore").decode()
    parsed = (_term(phrase or word, not phrase and word.endswith("*")) for phrase, word in _PARTS.findall(clean))
    return [term for term in parsed if term.words][:MOST_TERMS]


def _term(text: str, going_on: bool) -> Term:
    return Term(tuple(_WORDS.findall(plain(text))), going_on)


def plain(text: str) -> str:
    """Small letters without accents; signs of scripts without spaces stand alone."""
    letters = (character for character in unicodedata.normalize("NFD", text) if not unicodedata.combining(character))
    return _NO_SPACES.sub(r" \1 ", unicodedata.normalize("NFC", "".join(letters)).lower())


def match_query(terms: Sequence[Term]) -> str:
    """For SQLite's FTS5: every term a quoted phrase. The words hold letters and digits only."""
    return " ".join(f'"{" ".join(term.words)}"{" *" if term.open else ""}' for term in terms)


def patterns(terms: Sequence[Term]) -> list[str]:
    """For a scan of texts as `plain` gives them, words with one space between: a pattern each term (RE2)."""
    return [rf"(?:^| ){' '.join(term.words)}{'' if term.open else '(?: |$)'}" for term in terms]


def spans(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Where the terms stand in a text as it was written, from left to right, for highlighting."""
    if not terms:
        return []
    folded = "".join(_folded(sign) for sign in text)
    either = "|".join(_between(term) for term in terms)
    return [match.span() for match in re.finditer(either, folded)]


def _folded(sign: str) -> str:
    """One sign for one sign, so that places stay: small, without its accent."""
    bare = unicodedata.normalize("NFD", sign)[0].lower()
    return bare if len(bare) == 1 else sign


def _between(term: Term) -> str:
    words = r"[\W_]*".join(re.escape(word) for word in term.words)
    return rf"(?<![^\W_]){words}" + ("[^\\W_]*" if term.open else r"(?![^\W_])") if not _spaceless(term) else words


def _spaceless(term: Term) -> bool:
    return any(_NO_SPACES.search(word) for word in term.words)
