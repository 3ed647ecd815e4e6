"""The documents that the studio brings along: which there are, and where they lie.

In a checkout they are `docs/`; the wheel carries them inside this package (setup.py). They do not change, so they are
read once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from markdown_it.token import Token

from pages.help import markdown

INDEX = "README"
NOT_SHOWN = ("map", "architecture", "decisions")  # for who changes the code
_PLACES = (Path(__file__).parent / "docs", Path(__file__).parents[2] / "docs")
_ENTRY = re.compile(r"^\* \[(?P<title>[^\]]+)\]\((?P<path>[^)]+)\.md\): (?P<about>.+)$")


@dataclass(frozen=True)
class Document:
    """One page of the guide. `path` is relative to the folder, without `.md`; `name` is its last part."""

    name: str
    path: str
    title: str
    tokens: tuple[Token, ...]


@dataclass(frozen=True)
class Entry:
    """A line of the index."""

    name: str
    title: str
    about: str


def folder() -> Path:
    """Where the documents lie."""
    return next((place for place in _PLACES if place.is_dir()), _PLACES[0])


@lru_cache(maxsize=1)
def documents() -> Mapping[str, Document]:
    """Every document by its name. Half a second the first time."""
    files = sorted([*folder().glob("*.md"), *folder().glob("guide/*.md")])
    shown = [_read(file) for file in files if file.stem not in NOT_SHOWN]
    return {document.name: document for document in shown}


def _read(file: Path) -> Document:
    path = file.relative_to(folder()).with_suffix("").as_posix()
    tokens = markdown.parsed(file.read_text(encoding="utf-8"))
    title = next((markdown.text_of(token) for token in tokens if token.type == "inline"), file.stem)
    return Document(file.stem, path, title, tuple(tokens))


def named(path: str) -> str:
    """The name of the document at a path such as `guide/train.md` or `docs/guide/train.md`; "" if it is not shown."""
    plain = PurePosixPath(path.removeprefix("docs/"))
    document = documents().get(plain.stem)
    return document.name if document and f"{document.path}.md" == plain.as_posix() else ""


@lru_cache(maxsize=1)
def index() -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """The groups of the index with their documents, in its order. Those that are not shown are left out."""
    groups: list[tuple[str, list[Entry]]] = []
    text = (folder() / f"{INDEX}.md").read_text(encoding="utf-8") if folder().is_dir() else ""
    for line in text.splitlines():
        if line.startswith("## "):
            groups.append((line[3:], []))
        elif (match := _ENTRY.match(line)) and groups and (name := named(f"{match['path']}.md")):
            groups[-1][1].append(Entry(name, match["title"], markdown.plain(match["about"])))
    return tuple((title, tuple(entries)) for title, entries in groups if entries)
