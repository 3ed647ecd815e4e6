"""Finds words in the documents: sections that have them all, those with the words in a heading first."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from markupsafe import Markup

from pages.help import documents, markdown
from pages.parts import html

MOST = 20
MOST_WORDS = 12
AROUND = 90  # letters shown on each side of the first word
LITTLE = frozenset(
    re.findall(r"\w+", "a an and are as at be by can do does for from how i in is it me my of on or the to what with")
)
_WORD = re.compile(r"[\w./-]*\w")


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it, up to the next one."""

    document: str
    document_title: str
    heading: str
    anchor: str
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.paragraphs)


@dataclass(frozen=True)
class Hit:
    section: Section
    score: float
    words: tuple[str, ...]

    def excerpt(self) -> Markup:
        """Some words around the first of those that were looked for, with all of them marked."""
        paragraph = max(self.section.paragraphs, key=self._matches, default="")
        match = _pattern(self.words).search(paragraph)
        first = match.start() if match else 0
        start, end = max(0, first - AROUND), first + 2 * AROUND
        shown = paragraph[start:end].split(" ", 1)[-1] if start else paragraph[:end]
        return Markup("{}{}{}").format(
            "… " if start else "", marked(shown, self.words), " …" if end < len(paragraph) else ""
        )

    def _matches(self, paragraph: str) -> int:
        return len({match.lower() for match in _pattern(self.words).findall(paragraph)})


def search(query: str) -> list[Hit]:
    """The best sections for the words, at most MOST; if none has them all, those with most of them."""
    words = asked(query)
    phrase = " ".join(query.lower().split())
    scores = ((section, _score(section, words, phrase)) for section in sections())
    hits = [Hit(section, score, words) for section, score in scores if score]
    return sorted(hits, key=lambda hit: -hit.score)[:MOST]


def asked(query: str) -> tuple[str, ...]:
    """The words to look for, in small letters: without the little ones, if others are left."""
    words = tuple(dict.fromkeys(match.lower() for match in _WORD.findall(query)))[:MOST_WORDS]
    return tuple(word for word in words if word not in LITTLE) or words


def _score(section: Section, words: Sequence[str], phrase: str) -> float:
    """Nothing where less than half of the words stand. What is in a heading counts more, and the words in one row."""
    parts = [part.lower() for part in (section.document_title, section.heading, section.text)]
    points = [_points(word, parts) for word in words]
    present = sum(point > 0 for point in points)
    if present * 2 <= len(words):
        return 0
    return sum(points) + 100 * (present == len(words)) + (8 * any(phrase in part for part in parts))


def _points(word: str, parts: Sequence[str]) -> float:
    title, heading, text = (len(_pattern((word,)).findall(part)) for part in parts)
    return 6 * min(1, title) + 10 * min(1, heading) + min(3, text)


def marked(text: str, words: Sequence[str]) -> Markup:
    """The text with each of the words in <mark>."""
    parts, end = list[object](), 0
    for match in _pattern(tuple(words)).finditer(text):
        parts += [text[end : match.start()], Markup("<mark>{}</mark>").format(match[0])]
        end = match.end()
    return html.join([*parts, text[end:]])


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """What finds any of the words, each at the beginning of a word."""
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(word)}" for word in longest_first) or "$^", re.IGNORECASE)


@lru_cache(maxsize=1)
def sections() -> tuple[Section, ...]:
    """Every section of every document but the index."""
    shown = (document for document in documents.documents().values() if document.name != documents.INDEX)
    return tuple(section for document in shown for section in _sections(document))


def _sections(document: documents.Document) -> Iterator[Section]:
    heading, anchor, paragraphs = document.title, "", list[str]()
    for before, token in pairwise(document.tokens):
        if before.type == "heading_open":
            yield from _section(document, heading, anchor, paragraphs)
            heading, anchor, paragraphs = markdown.text_of(token), str(before.attrGet("id")), []
        elif token.type == "inline":
            paragraphs.append(markdown.text_of(token))
        elif token.type in ("fence", "code_block"):
            paragraphs.append(token.content)
    yield from _section(document, heading, anchor, paragraphs)


def _section(document: documents.Document, heading: str, anchor: str, paragraphs: Sequence[str]) -> Iterator[Section]:
    if paragraphs:
        yield Section(document.name, document.title, heading, anchor, tuple(paragraphs))
