"""What a browser sees at an address where nothing is: the studio's frame, and the ways on."""

from collections.abc import Sequence
from difflib import get_close_matches
from types import ModuleType

from markupsafe import Markup

from pages import shell
from pages.parts import html

MOST_PATH = 120
PAGE = Markup("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not here · Tunesmith</title><meta name="robots" content="noindex"></head>
<body><div class="gradio-container ts-alone"><div class="main">
<div id="rail">{rail}</div>
<main class="ts-stack"><header class="ts-heading" id="content" tabindex="-1"><h1>Not here</h1>
<p>Nothing is at <code>{path}</code>.</p></header>
<section class="ts-card"><header><h2>Where to</h2></header><p class="ts-note">{hint}</p>
<form class="hp-box" role="search" action="/help"><label class="ts-sr" for="help-words">Search the documents</label>
<input id="help-words" class="ts-input" type="search" name="q" placeholder="Search the guide" autocomplete="off">
<button class="ts-button">Search</button></form></section></main>
</div></div></body></html>
""")


def missing_html(path: str, pages: Sequence[ModuleType]) -> str:
    """The whole page for a path of the window that is none. `pages` are those of the rail."""
    rail = shell.still(pages)
    return str(PAGE.format(rail=rail, path=path[:MOST_PATH], hint=_hint(path, pages)))


def _hint(path: str, pages: Sequence[ModuleType]) -> Markup:
    """The page that was probably meant, or the way home."""
    slugs = {str(page.SLUG): page for page in pages if page.SLUG}
    close = get_close_matches(path.strip("/").partition("/")[0].lower(), slugs, n=1, cutoff=0.6)
    if not close:
        return Markup("The link is incomplete, or what it led to was deleted. {}.").format(html.link("Go home", "/"))
    return Markup("Did you mean {}?").format(html.link(slugs[close[0]].TITLE, f"/{close[0]}"))
