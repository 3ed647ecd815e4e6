"""Markdown that people wrote, as HTML that can do nothing: no HTML of theirs, no images, no links but to the web."""

from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markupsafe import Markup

_SAFE = ("http://", "https://", "mailto:", "/", "#")


@lru_cache(maxsize=128)  # a live page shows the same note every few seconds
def shown(text: str) -> Markup:
    """The text in a block of its own. Characters that turn the direction of writing stay inside it."""
    return Markup('<div class="ts-markdown" dir="auto">{}</div>').format(Markup(_reader().render(text)))


class _Reader(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802  (the library calls it so)
        return url.lower().startswith(_SAFE) and not url.startswith("//")


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    # An image would be fetched from wherever the note says, by everybody who looks at it.
    reader = _Reader("commonmark", {"html": False, "maxNesting": 20}).enable("table").disable("image")
    reader.core.ruler.push("links", _links)
    return reader


def _links(state: StateCore) -> None:
    """What a link leads to neither learns where it was, nor gets hold of the page."""
    for token in (inner for block in state.tokens for inner in block.children or ()):
        if token.type == "link_open":
            token.attrSet("rel", "noopener nofollow")
            token.attrSet("target", "_blank")
