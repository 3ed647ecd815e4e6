"""The rows of a dataset as they will be trained on: as chats or as a table, so many a page, from a row on."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from engine.data import datasets, row_filter
from pages.data import row_view
from pages.data.dataset_view import ROWS_A_PAGE, address
from pages.parts import html
from pages.parts.filters import select
from pages.parts.pager import Place, offset_of, pager
from storage.tables import Dataset

SIZES = (ROWS_A_PAGE, 50, 100)
SHAPES = (("", "as chats"), ("table", "as a table"))
ORDERS = (("", "in their order"), ("shortest", "shortest first"), ("longest", "longest first"))
WAYS = (("", "this text, as it is"), ("words", "words and phrases"))
HINTS = {False: "Only rows with this text", True: 'Words, "exact phrase", begin*'}  # whether by words
Placed = tuple[int, Mapping[str, Any]]  # a row and its position, from 0
LONGEST_CELL = 240  # characters; the chats show all
MOST_ASKED = 12  # digits of a row's place


def rows_html(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """A page of rows, and above it how they are shown."""
    if query.get("has", "").strip() or order_of(query):
        return _found_html(dataset, query)
    size, offset = size_of(query), place_asked(query, dataset.train_rows)
    rows = datasets.rows(dataset.id, offset, size)
    if not rows:
        return html.empty("No row to show", "No row of this file could be imported. The rejected ones say why.")
    drawn = drawn_rows(dataset, query, list(enumerate(rows, offset)))
    return Markup("{}{}{}").format(choices(dataset, query), drawn, _pages(dataset, query, size, offset))


def order_of(query: Mapping[str, str]) -> row_filter.Order:
    match query.get("by"):
        case "shortest":
            return "shortest"
        case "longest":
            return "longest"
    return ""


def _found_html(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """Only the rows with the text, or all by length."""
    text, size = query.get("has", "").strip()[: row_filter.LONGEST_TEXT], size_of(query)
    matches = row_filter.find(dataset.id, text, place_asked(query, dataset.train_rows), size, order_of(query))
    offset = min(place_asked(query, matches.total), max(0, (matches.total - 1) // size * size))
    if offset and not matches.rows:
        matches = row_filter.find(dataset.id, text, offset, size, order_of(query))
    drawn = drawn_rows(dataset, query, [(hit.position, hit.row) for hit in matches.rows]) if matches.rows else ""
    return Markup("{}{}{}{}").format(
        choices(dataset, query),
        _found_words(dataset, text, matches),
        drawn,
        _pages(dataset, query, size, offset, matches.total),
    )


def _found_words(dataset: Dataset, text: str, matches: row_filter.Found) -> Markup:
    """How many there are, how far the search is, and the button that keeps them."""
    still = "" if matches.complete else f" {matches.looked_at:,} of {dataset.train_rows:,} rows searched so far."
    if not text:
        return Markup('<p class="ts-note" role="status">Sorted by characters.{}</p>').format(still)
    verb = "row contains" if matches.total == 1 else "rows contain"
    keep = Markup(
        '<form data-act="keep-rows" data-id="{}"><input type="hidden" name="text" value="{}">'
        '<button class="ts-button">Keep these as a version</button></form>'
    ).format(dataset.id, text)
    return Markup('<div class="da-found"><p role="status"><b>{}</b> {} “{}”.{}</p>{}</div>').format(
        html.count(matches.total), verb, text, still, keep if matches.complete and matches.total else ""
    )


def _keep(id: str, values: Mapping[str, str], _project: str) -> str:
    return address(row_filter.keep(id, values.get("text", "")).id)


ACTS = {"keep-rows": _keep}


def drawn_rows(dataset: Dataset, query: Mapping[str, str], placed: Sequence[Placed]) -> Markup:
    """Rows as the address has them shown, each with its position."""
    return (_table if query.get("as") == "table" else _chats)(dataset, placed)


def size_of(query: Mapping[str, str]) -> int:
    return next((size for size in SIZES if str(size) == query.get("size")), ROWS_A_PAGE)


def place_asked(query: Mapping[str, str], total: int) -> int:
    """How many rows come before the page: that of the row `at`, from 1 on, the last one there is; else `from`."""
    at = query.get("at", "")
    if not at.isdecimal() or len(at) > MOST_ASKED:
        return offset_of(query)
    size = size_of(query)
    return (min(max(int(at), 1), max(total, 1)) - 1) // size * size


def words_asked(query: Mapping[str, str]) -> str:
    """What is looked for word by word, as the index of words has it; `q`, as links and older addresses say it."""
    typed = query.get("q", "") or (query.get("has", "") if query.get("find") == "words" else "")
    return typed.strip()


def choices(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """One box, which filters as one types, by the text or by words; and how rows are shown."""
    by_words = bool(query.get("q")) or query.get("find") == "words"
    return Markup(
        '<form class="ts-filters da-shown" role="search" data-query="change" data-forget="from q" id="rows-of-{}">'
        '<input type="search" name="has" value="{}" maxlength="{}" data-live placeholder="{}"'
        ' aria-label="Show only rows with this, in any column" autocomplete="off">{}{}</form>'
    ).format(
        dataset.id,
        query.get("q", "") or query.get("has", ""),
        row_filter.LONGEST_TEXT,
        HINTS[by_words],
        select("find", "How the rows are found", WAYS, "words" if by_words else ""),
        "" if words_asked(query) else _shapes(dataset, query),
    )


def _shapes(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    sizes = [("" if size == ROWS_A_PAGE else str(size), f"{size} a page") for size in SIZES]
    return Markup(
        '{}{}{}<input type="number" name="at" min="1" max="{}" value="{}" placeholder="Row" aria-label="Go to the row'
        ' with this number in the list"><button class="ts-button">Go to row</button>'
    ).format(
        select("as", "Shown", SHAPES, query.get("as", "")),
        select("by", "Sorted", ORDERS, query.get("by", "")),
        select("size", "Rows a page", sizes, query.get("size", "") if size_of(query) != ROWS_A_PAGE else ""),
        dataset.train_rows,
        query.get("at", ""),
    )


def _chats(dataset: Dataset, placed: Sequence[Placed]) -> Markup:
    items = html.join(row_view.row_html(row, aside=edit_link(dataset.id, position)) for position, row in placed)
    return Markup('<ol class="da-rows">{}</ol>').format(items)


def _table(dataset: Dataset, placed: Sequence[Placed]) -> Markup:
    columns = list(dict.fromkeys(name for _, row in placed for name, value in row.items() if name != "row" and value))
    heads: tuple[str | html.Header, ...] = (html.Header("Row", "number"), *columns, html.Header("Actions", "actions"))
    lines = [
        html.Row(
            (row.get("row", position + 1), *(_cell(row.get(name)) for name in columns), edit_link(dataset.id, position))
        )
        for position, row in placed
    ]
    return Markup('<div class="da-table">{}</div>').format(html.table(heads, lines, "Rows"))


def _cell(value: Any) -> Markup:
    """A value in short: of turns each with its role."""
    if value in (None, "", []):
        return Markup(html.DASH)
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, dict):
        return _short(", ".join(f"{name}: {one}" for name, one in value.items()))
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


def _pages(dataset: Dataset, query: Mapping[str, str], size: int, offset: int, total: int | None = None) -> Markup:
    kept = {name: query[name] for name in ("has", "as", "by", "size") if query.get(name)}

    def there(first: int) -> str:
        return f"{address(dataset.id, offset=first)}{'&' if kept else ''}{urlencode(kept)}"

    return pager(Place(offset, size, dataset.train_rows if total is None else total), there)
