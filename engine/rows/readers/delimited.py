"""CSV and TSV: a header, then a row of cells a line. Every cell is text; the delimiter is found by looking."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from engine.rows.errors import UnreadableError
from engine.rows.readers.lines import MOST_ROW_BYTES, lines
from engine.rows.readers.source import Source
from engine.rows.verdict import Rejection

DELIMITERS = (",", "\t", ";", "|")
SEPARATOR = re.compile(r"sep=([,;|\t])\r?[\n\r]", re.IGNORECASE)
MOST_COLUMNS = 10_000
SAMPLED_ROWS = 50


def rows(source: Source) -> Iterator[Any]:
    """Each row as {column: cell}; a Rejection for a row with more or fewer cells than the header."""
    csv.field_size_limit(MOST_ROW_BYTES)
    head = source.text_head().decode("utf-8", "ignore")
    text = _text(source, by_return="\n" not in head and "\r" in head)
    if separator := SEPARATOR.match(head):  # a first line by which Excel is told the delimiter
        next(text)
    cells = csv.reader(text, delimiter=separator[1] if separator else delimiter_of(head.replace("\r", "\n")))
    header = _header(cells)
    for row in _guarded(cells):
        if row and len(row) != len(header):
            yield Rejection("cells", f"{len(row)} cells, the header has {len(header)}: {row[:5]}")
        elif row:
            yield dict(zip(header, row, strict=True))


def delimiter_of(head: str) -> str:
    """The delimiter that gives the first rows the most columns, the same number in each."""
    whole_lines = head[: head.rfind("\n") + 1] or head
    return max(DELIMITERS, key=lambda delimiter: _columns(whole_lines.splitlines(keepends=True), delimiter))


def _columns(head: list[str], delimiter: str) -> tuple[float, int]:
    try:
        cell_counts = [len(row) for row in islice(csv.reader(head, delimiter=delimiter), SAMPLED_ROWS) if row]
    except csv.Error:
        return 0, 0
    if not cell_counts or cell_counts[0] < 2:
        return 0, 0
    return sum(count == cell_counts[0] for count in cell_counts) / len(cell_counts), cell_counts[0]


def _header(cells: Iterable[list[str]]) -> list[str]:
    header = [name.strip() for name in next(iter(_guarded(cells)), [])]
    if len(header) > MOST_COLUMNS:
        raise UnreadableError(f"The file has {len(header)} columns.", "Keep the columns with the training text.")
    duplicates = sorted({name for name in header if header.count(name) > 1})
    if duplicates:
        raise UnreadableError(f"The column `{duplicates[0]}` appears twice.", "Give each column a name of its own.")
    return header


def _guarded(cells: Iterable[list[str]]) -> Iterator[list[str]]:
    try:
        yield from cells
    except csv.Error as error:
        hint = "A closing quote may be missing. Open the file in a spreadsheet and export it again."
        raise UnreadableError(f"The table cannot be read: {error}.", hint) from error


def _text(source: Source, by_return: bool) -> Iterator[str]:
    """The lines; `by_return`: they end as on the first Macs."""
    chunks = source.chunks()
    for line in lines((chunk.replace(b"\r", b"\n") for chunk in chunks) if by_return else chunks):
        if line is None:
            raise UnreadableError(
                f"A line is longer than {MOST_ROW_BYTES >> 20} MB.", "Export the table again, with line breaks."
            )
        yield line.decode("utf-8", "surrogateescape")  # broken bytes become a rejected row, not a broken file
