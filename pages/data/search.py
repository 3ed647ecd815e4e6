"""Rows of a dataset found by words: the whole index answers, and the words are highlighted."""

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlencode

from markupsafe import Markup

from engine.data import search
from engine.rows.search import terms
from pages.data import dataset_view, highlights, rows_view
from pages.parts import html
from pages.parts.pager import Place, offset_of, pager
from storage.tables import Dataset

ROWS_A_PAGE = 20


def search_html(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """The rows that have everything the address asks for; nothing when it asks for nothing."""
    typed = rows_view.words_asked(query)
    if not typed:
        return Markup()
    offset = offset_of(query)
    hits = search.search(dataset.id, typed, offset, ROWS_A_PAGE)
    rows = html.join(_row(dataset, hit, hits) for hit in hits.rows)
    return Markup('<div class="dt-hits">{}<ol class="da-rows">{}</ol>{}</div>').format(
        _count_line(dataset, typed, hits), rows, _pages(dataset, typed, offset, hits.total)
    )


def _count_line(dataset: Dataset, typed: str, hits: search.Hits) -> Markup:
    all_rows = html.link("All rows", dataset_view.address(dataset.id), soft=True)
    if not hits.terms:
        return Markup("<p>There is no word to look for in <b>{}</b>. {}</p>").format(typed, all_rows)
    count = f"{html.count(hits.total)} {'row has' if hits.total == 1 else 'rows have'}"
    incomplete_note = (
        "" if hits.complete else f" Among the first {html.count(hits.looked_at)}: the index is being made."
    )
    return Markup("<p><b>{}</b> {}.{} {}</p>").format(count, typed, incomplete_note, all_rows)


def _row(dataset: Dataset, hit: search.Hit, hits: search.Hits) -> Markup:
    return Markup('<li class="da-row"><div class="da-side">{}</div><div class="da-content">{}{}</div></li>').format(
        dataset_view.row_link(dataset, hit.position, hit.row),
        highlights.excerpts(hit.row, partial(terms.spans, terms=hits.terms)),
        highlights.folded(hit.row),
    )


def _pages(dataset: Dataset, typed: str, offset: int, total: int) -> Markup:
    def address(offset: int) -> str:
        return f"/data?{urlencode({'dataset': dataset.id, 'q': typed, 'from': offset})}"

    return pager(Place(offset, ROWS_A_PAGE, total), address, "found rows")
