"""The rows of a dataset as they will be trained on: as chats or as a table, so many a page, from a row on."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from engine.data import datasets
from pages.data import row_view
from pages.data.dataset_view import ROWS_A_PAGE, address
from pages.parts import html
from pages.parts.filters import select
from pages.parts.pager import Place, offset_of, pager
from storage.tables import Dataset

SIZES = (ROWS_A_PAGE, 50, 100)
SHAPES = (("", "as chats"), ("table", "as a table"))
LONGEST_CELL = 240  # characters; the chats show all
MOST_ASKED = 12  # digits of a row's place


def rows_html(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """A page of rows, and above it how they are shown."""
    size, offset = size_of(query), place_asked(query, dataset.train_rows)
    rows = datasets.rows(dataset.id, offset, size)
    if not rows:
        return html.empty("No row to show", "No row of this file could be imported. The rejected ones say why.")
    draw = _table if query.get("as") == "table" else _chats
    return Markup("{}{}{}").format(
        _choices(dataset, query, size), draw(dataset, rows, offset), _pages(dataset, query, size, offset)
    )


def size_of(query: Mapping[str, str]) -> int:
    return next((size for size in SIZES if str(size) == query.get("size")), ROWS_A_PAGE)


def place_asked(query: Mapping[str, str], total: int) -> int:
    """How many rows come before the page: that of the row `at`, from 1 on, the last one there is; else `from`."""
    at = query.get("at", "")
    if not at.isdecimal() or len(at) > MOST_ASKED:
        return offset_of(query)
    size = size_of(query)
    return (min(max(int(at), 1), max(total, 1)) - 1) // size * size


def _choices(dataset: Dataset, query: Mapping[str, str], size: int) -> Markup:
    sizes = [("" if choice == ROWS_A_PAGE else str(choice), f"{choice} a page") for choice in SIZES]
    return Markup(
        '<form class="ts-filters da-shown" data-query="change" data-forget="from" id="rows-of-{}">{}{}'
        '<input type="number" name="at" min="1" max="{}" value="{}" placeholder="Row" aria-label="Go to the row with'
        ' this number in the list"><button class="ts-button">Go to row</button></form>'
    ).format(
        dataset.id,
        select("as", "Shown", SHAPES, query.get("as", "")),
        select("size", "Rows a page", sizes, query.get("size", "") if size != ROWS_A_PAGE else ""),
        dataset.train_rows,
        query.get("at", ""),
    )


def _chats(dataset: Dataset, rows: list[dict[str, Any]], offset: int) -> Markup:
    items = html.join(
        row_view.row_html(row, aside=edit_link(dataset.id, position)) for position, row in enumerate(rows, offset)
    )
    return Markup('<ol class="da-rows">{}</ol>').format(items)


def _table(dataset: Dataset, rows: list[dict[str, Any]], offset: int) -> Markup:
    columns = list(dict.fromkeys(name for row in rows for name, value in row.items() if name != "row" and value))
    heads: tuple[str | html.Header, ...] = (html.Header("Row", "number"), *columns, html.Header("Actions", "actions"))
    lines = [
        html.Row(
            (row.get("row", position + 1), *(_cell(row.get(name)) for name in columns), edit_link(dataset.id, position))
        )
        for position, row in enumerate(rows, offset)
    ]
    return Markup('<div class="da-table">{}</div>').format(html.table(heads, lines, "Rows"))


def _cell(value: Any) -> Markup:
    """A value in short: of turns each with its role."""
    if value in (None, "", []):
        return Markup(html.DASH)
    if isinstance(value, str):
        return _short(value)
    lines = html.join(
        Markup("<p><b>{}</b> {}</p>").format(turn.get("role", ""), _short(str(turn.get("content", ""))))
        for turn in row_view.turns_of("", value)[:4]
    )
    return lines


def _short(text: str) -> Markup:
    return Markup("{}").format(text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…")


def edit_link(dataset_id: str, position: int) -> Markup:
    href = f"{address(dataset_id, 'edit')}&row={position}"
    return Markup('<a class="da-edit" data-soft href="{}">Edit</a>').format(href)


def _pages(dataset: Dataset, query: Mapping[str, str], size: int, offset: int) -> Markup:
    kept = {name: query[name] for name in ("as", "size") if query.get(name)}

    def there(first: int) -> str:
        return f"{address(dataset.id, offset=first)}{'&' if kept else ''}{urlencode(kept)}"

    return pager(Place(offset, size, dataset.train_rows), there)
