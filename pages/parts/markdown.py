"""Markdown that people wrote, as HTML that can do nothing: no HTML of theirs, no images, no links but to the web."""

from functools import lru_cache

from markdown_it import MarkdownIt
from markupsafe import Markup

_SAFE = ("http://", "https://", "mailto:", "/", "#")


@lru_cache(maxsize=128)  # a live page shows the same note every few seconds
def shown(text: str) -> Markup:
    """The text in a block of its own. Characters that turn the direction of writing stay inside it."""
    return Markup('<div class="ts-markdown" dir="auto">{}</div>').format(Markup(_reader().render(text)))  # noqa: S704


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    # An image would be fetched from wherever the note says, by everybody who looks at it.
    reader = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable("table").disable("image")
    reader.validateLink = lambda address: address.lower().startswith(_SAFE) and not address.startswith("//")  # type: ignore[method-assign]
    reader.add_render_rule("link_open", _link)
    return reader


def _link(self, tokens, index, options, environment):  # type: ignore[no-untyped-def]  # noqa: ANN
    tokens[index].attrSet("rel", "noopener nofollow")
    tokens[index].attrSet("target", "_blank")
    return self.renderToken(tokens, index, options, environment)
