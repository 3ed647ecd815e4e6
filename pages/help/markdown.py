"""The studio's own documents as HTML: headings that can be linked, links that stay inside the studio, wide tables."""

import posixpath
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

Named = Callable[[str], str]
"""A path relative to the documents' folder -> the name the Help page knows it by, or ""."""

WEB = ("http://", "https://", "mailto:")
PICTURES = "/static-docs/"
_REMARK = re.compile(r"<!--.*?-->\n?", re.DOTALL)  # marks for the tests that make a part of a document


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.add_render_rule("table_open", _table_open)
    reader.add_render_rule("table_close", _table_close)
    reader.add_render_rule("fence", _code)
    reader.add_render_rule("code_block", _code)
    return reader


def parsed(text: str) -> list[Token]:
    """The text's tokens, each heading with an anchor as GitHub makes it, and one below the page's own heading."""
    tokens, taken = _reader().parse(_REMARK.sub("", text)), set[str]()
    for heading, words in pairwise(tokens):
        if heading.type == "heading_open":
            anchor = _unique(slug(text_of(words)), taken)
            heading.attrSet("id", anchor)
        if heading.type.startswith("heading"):
            heading.tag = f"h{min(6, int(heading.tag[1]) + 1)}"
    return tokens


def text_of(inline: Token) -> str:
    """The plain words of an inline token."""
    breaks = ("softbreak", "hardbreak")
    return "".join(" " if part.type in breaks else part.content for part in inline.children or ())


def plain(text: str) -> str:
    """One line of Markdown without its marks."""
    return " ".join(text_of(token) for token in _reader().parse(text) if token.type == "inline")


def slug(title: str) -> str:
    """The anchor of a heading, by GitHub's rule."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _unique(anchor: str, taken: set[str]) -> str:
    free = next(name for name in (anchor, *(f"{anchor}-{at}" for at in range(1, 100))) if name not in taken)
    taken.add(free)
    return free


def rendered(tokens: Sequence[Token], path: str, named: Named) -> Markup:
    """The document at `path` (relative, such as `guide/train`) as HTML."""
    inner = (token for block in tokens for token in block.children or ())
    opened: list[Token] = []
    for token in inner:
        if token.type == "link_open":
            opened.append(token)
            _lead(token, path, named)
        elif token.type == "link_close":
            token.tag = opened.pop().tag
        elif token.type == "image":
            _show(token, path)
    return Markup(_reader().renderer.render(tokens, _reader().options, {}))


def _lead(link: Token, path: str, named: Named) -> None:
    """Where a link leads: the web in a tab of its own, a document inside the studio; else it is only text."""
    target = str(link.attrGet("href") or "")
    if link.tag == "span" or target.startswith(("#", "/")):
        return
    if target.startswith(WEB):
        link.attrs |= {"rel": "noopener", "target": "_blank"}
        return
    file, _, anchor = target.partition("#")
    name = named(posixpath.normpath(posixpath.join(posixpath.dirname(path), file)))
    if name:
        link.attrs = {"href": address(name, anchor), "data-soft": ""}
    else:
        link.tag, link.attrs = "span", {}


def address(name: str, anchor: str = "") -> str:
    """Where the Help page shows a document."""
    return f"/help?page={name}" + (f"#{anchor}" if anchor else "")


def _show(picture: Token, path: str) -> None:
    source = str(picture.attrGet("src") or "")
    if not source.startswith(PICTURES):
        file = posixpath.normpath(posixpath.join(posixpath.dirname(path), source))
        picture.attrs |= {"src": PICTURES + file.removeprefix("images/"), "loading": "lazy"}


def _table_open(_renderer: Any, tokens: Sequence[Token], at: int, *_given: Any) -> str:
    number = sum(token.type == "table_open" for token in tokens[: at + 1])
    return f'<div class="hp-table" tabindex="0" role="region" aria-label="Table {number}"><table>'


def _table_close(*_given: Any) -> str:
    return "</table></div>"


def _code(_renderer: Any, tokens: Sequence[Token], at: int, *_given: Any) -> str:
    return str(Markup('<pre class="ts-code" tabindex="0"><code>{}</code></pre>').format(tokens[at].content))
