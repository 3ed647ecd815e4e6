"""Help: every document of the studio, found by words and read here.

`/help` is the index, `/help?page=train` a document, `/help?q=WORDS` what a search finds.
"""

from collections.abc import Mapping
from functools import lru_cache

from markupsafe import Markup

from pages.help import documents, markdown
from pages.help.search import Hit, search
from pages.parts import html, live

SLUG, TITLE, SUBTITLE, KEY, ICON = "help", "Help", "The guide to every page, and what messages mean", "p", "help"
GROUP = ""

SECONDS = 3600  # nothing here changes while the studio runs
MOST_QUERY = 200
TOUR = Markup(
    '<p class="hp-api"><a class="ts-link" href="/?tour=1">Show me around</a>'
    ' <span class="hp-about">six short stops through the studio; Escape ends it.</span></p>'
)
API = Markup(
    '<a class="ts-link" href="/api/docs">Every call of the REST API</a>'
    ' <span class="hp-about">as this studio answers it, with its fields.</span>'
)


def page() -> None:
    """All of it is one live fragment, and nothing is pressed but links."""
    live.live("help", help_html, seconds=SECONDS)


def help_html(query: Mapping[str, str]) -> str:
    """The search box, and below it what was found, the document that is named, or the index."""
    words, name = query.get("q", "").strip()[:MOST_QUERY], query.get("page", "")
    if words:
        content = html.in_title(words) + _found(words, search(words))
    elif name and name != documents.INDEX:
        content = _document(name)
    else:
        content = _index()
    return str(Markup('<div class="ts-stack hp-help">{}{}</div>').format(_box(words), content))


def _box(words: str) -> Markup:
    return Markup(
        '<form class="hp-box" role="search" data-query data-forget="page"><label class="ts-sr" for="help-words">'
        'Search the documents</label><input id="help-words" class="ts-input" type="search" name="q" value="{}"'
        ' maxlength="{}" placeholder="Search: resume, out of memory, LoRA rank" autocomplete="off">'
        '<button class="ts-button">Search</button></form>'
    ).format(words, MOST_QUERY)


def _found(words: str, hits: list[Hit]) -> Markup:
    back = html.link(Markup("&larr; All documents"), "/help", soft=True)
    if not hits:
        return back + html.empty(f"Nothing about “{words}”", "Try fewer words, or others.", picture="help")
    title = f"{len(hits)} places about “{words}”" if len(hits) > 1 else f"One place about “{words}”"
    return back + html.card(title, Markup('<ol class="hp-hits">{}</ol>').format(html.join(map(_hit, hits))))


def _hit(hit: Hit) -> Markup:
    section = hit.section
    above = section.document_title if section.heading != section.document_title else ""
    return Markup('<li><a class="ts-link" data-soft href="{}">{}</a> <small>{}</small><p>{}</p></li>').format(
        markdown.address(section.document, section.anchor), section.heading, above, hit.excerpt()
    )


def _index() -> Markup:
    cards = (
        html.card(title, Markup('<ul class="hp-list">{}</ul>').format(html.join(_entry(entry) for entry in entries)))
        for title, entries in documents.index()
    )
    tour = html.card("New here?", TOUR)
    api = html.card("For programs", Markup('<p class="hp-api">{}</p>').format(API))
    return Markup('<div class="hp-cards">{}{}</div>').format(html.join((tour, *cards)), api)


def _entry(entry: documents.Entry) -> Markup:
    return Markup('<li><a class="ts-link" data-soft href="{}">{}</a> <span class="hp-about">{}</span></li>').format(
        markdown.address(entry.name), entry.title, entry.about
    )


def _document(name: str) -> Markup:
    document = documents.documents().get(name)
    if document is None:
        text = "It may have another name in this version. The search above finds it by its words."
        return html.empty(f"There is no document “{name:.60}”", text, "/help", "All documents", "help")
    return html.join(
        (
            html.in_title(document.title),
            html.link(Markup("&larr; All documents"), "/help", soft=True),
            Markup(
                '<div class="hp-two"><nav class="hp-side" aria-label="Documents">{}</nav>'
                '<article class="ts-card hp-text">{}</article></div>'
            ).format(_side(name), _rendered(name)),
        )
    )


@lru_cache(maxsize=128)
def _rendered(name: str) -> Markup:
    document = documents.documents()[name]
    return markdown.rendered(document.tokens, document.path, documents.named)


def _side(current: str) -> Markup:
    """Every document, so that one leads to the next; the one that is open is marked."""
    groups = (
        Markup("<h2>{}</h2>{}").format(title, html.join(_side_link(entry, entry.name == current) for entry in entries))
        for title, entries in documents.index()
    )
    return html.join(groups)


def _side_link(entry: documents.Entry, is_open: bool) -> Markup:
    current = Markup(' aria-current="page"') if is_open else ""
    return Markup('<a data-soft href="{}"{}>{}</a>').format(markdown.address(entry.name), current, entry.title)


FRAGMENTS: dict[str, live.Fragment] = {"help": help_html}
