"""Search above the rows of a dataset: the box, and the rows that were found with the words highlighted."""

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlencode

from markupsafe import Markup

from engine import search
from engine.data import search_terms
from pages.parts import dataset_view, html, marked
from storage.tables import Dataset

ROWS_A_PAGE = 20


def box_html(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """The search box. What is typed goes into the address as `q`."""
    return Markup(
        '<form class="dt-search" role="search" data-query data-forget="from" id="search-{}">'
        '<input type="search" name="q" value="{}" maxlength="400" placeholder="{}" aria-label="Search in the rows">'
        '<button class="ts-button" type="submit">Search</button></form>'
    ).format(dataset.id, query.get("q", ""), 'Search in the rows: words, "exact phrase", begin*')


def search_html(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """The rows that have everything the address asks for; nothing when it asks for nothing."""
    typed = query.get("q", "").strip()
    if not typed:
        return Markup()
    offset = int(query["from"]) if query.get("from", "").isdecimal() and len(query["from"]) < 16 else 0
    hits = search.search(dataset.id, typed, offset, ROWS_A_PAGE)
    rows = html.join(_row(dataset, hit, hits) for hit in hits.rows)
    return Markup('<div class="dt-hits">{}<ol class="da-rows">{}</ol>{}</div>').format(
        _said(dataset, typed, hits), rows, _pages(dataset, typed, offset, hits.total)
    )


def _said(dataset: Dataset, typed: str, hits: search.Hits) -> Markup:
    every = html.link("All rows", dataset_view.address(dataset.id), soft=True)
    if not hits.terms:
        return Markup("<p>There is no word to look for in <b>{}</b>. {}</p>").format(typed, every)
    count = f"{html.count(hits.total)} {'row has' if hits.total == 1 else 'rows have'}"
    rest = "" if hits.complete else f" Among the first {html.count(hits.looked_at)}: the index is being made."
    return Markup("<p><b>{}</b> {}.{} {}</p>").format(count, typed, rest, every)


def _row(dataset: Dataset, hit: search.Hit, hits: search.Hits) -> Markup:
    place = Markup('<a class="ts-link" data-soft href="{}">Row {}</a>').format(
        dataset_view.address(dataset.id, offset=hit.position), html.count(hit.row.get("row", hit.position + 1))
    )
    return Markup('<li class="da-row"><div class="da-side">{}</div><div class="da-content">{}{}</div></li>').format(
        place,
        marked.excerpts(hit.row, partial(search_terms.spans, wanted=hits.terms)),
        marked.folded(hit.row),
    )


def _pages(dataset: Dataset, typed: str, offset: int, total: int) -> Markup:
    if total <= ROWS_A_PAGE:
        return Markup()
    last = min(offset + ROWS_A_PAGE, total)
    said = f"{html.count(offset + 1)} to {html.count(last)} of {html.count(total)}"
    return Markup('<nav class="da-pager" aria-label="Pages of found rows">{}<span>{}</span>{}</nav>').format(
        _page("Previous", dataset, typed, offset - ROWS_A_PAGE, offset > 0),
        said,
        _page("Next", dataset, typed, last, last < total),
    )


def _page(label: str, dataset: Dataset, typed: str, offset: int, there: bool) -> Markup:
    if not there:
        return Markup('<span class="ts-button" aria-disabled="true">{}</span>').format(label)
    wanted = {"dataset": dataset.id, "q": typed, "from": max(0, offset)}
    return Markup('<a class="ts-button" data-soft href="/data?{}">{}</a>').format(urlencode(wanted), label)
