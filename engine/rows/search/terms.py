"""What a person types to search for: words, "exact phrases" and beginnings*. All of them must be in a row.

Whatever is typed is looked for as it stands: nothing of it is ever read as an operator of the index. A Korean word may
go on without a star, as its particles are written without a space: 수도 finds 수도는.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

MOST_TERMS = 20
LONGEST = 400  # characters; what follows is passed over

_PARTS = re.compile(r'"([^"]*)"?|([^\s"]+)')
_NO_SPACES = re.compile("([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e01-\u0e2e\u0e30-\u0e33\u0e40-\u0e46])")
_HANGUL = re.compile("[\uac00-\ud7a3]$")
# A sign with its marks, or a syllable of Korean in pieces, as files of a Mac may have it.
_CLUSTERS = re.compile("(?:[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|.)[\u0300-\u036f]*", re.DOTALL)
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Term:
    """Words that follow each other, in small letters without accents. With `open`, the last may go on."""

    words: tuple[str, ...]
    open: bool = False


def terms(text: str) -> list[Term]:
    """What to look for; empty when there is no word in the text."""
    clean = text[:LONGEST].encode("utf-8", "ignore").decode()
    parsed = (_term(phrase or word, not phrase) for phrase, word in _PARTS.findall(clean))
    return [term for term in parsed if term.words][:MOST_TERMS]


def _term(text: str, may_go_on: bool) -> Term:
    words = tuple(_WORDS.findall(plain(text)))
    return Term(words, may_go_on and (text.endswith("*") or bool(words and _HANGUL.search(words[-1]))))


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
    clusters = [match.group() for match in _CLUSTERS.finditer(text)]
    starts = list(accumulate(map(len, clusters), initial=0))
    folded = "".join(map(_folded, clusters))
    either = "|".join(_between(term) for term in terms)
    return [(starts[match.start()], starts[match.end()]) for match in re.finditer(either, folded)]


def _folded(cluster: str) -> str:
    """One sign for one cluster, so that places stay: small, without its accent."""
    letters = (sign for sign in unicodedata.normalize("NFD", cluster) if not unicodedata.combining(sign))
    bare = unicodedata.normalize("NFC", "".join(letters)).lower()
    return bare if len(bare) == 1 else cluster[0]


def _between(term: Term) -> str:
    words = r"[\W_]*".join(re.escape(word) for word in term.words)
    return rf"(?<![^\W_]){words}" + ("[^\\W_]*" if term.open else r"(?![^\W_])") if not _spaceless(term) else words


def _spaceless(term: Term) -> bool:
    return any(_NO_SPACES.search(word) for word in term.words)
