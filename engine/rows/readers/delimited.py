"""CSV and TSV: a header, then a row of cells a line. Every cell is text; the delimiter is found by looking."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from engine.rows.errors import UnreadableError
from engine.rows.readers.column_names import duplicates_note, told_apart
from engine.rows.readers.lines import MOST_ROW_BYTES, lines
from engine.rows.readers.source import Source
from engine.rows.verdict import Rejection

NAMES = {
    ",": "CSV separated by commas",
    "\t": "TSV (tabs)",
    ";": "CSV separated by semicolons",
    "|": "CSV separated by bars",
}
DELIMITERS = tuple(NAMES)
SEPARATOR = re.compile(r"sep=([,;|\t])\r?[\n\r]", re.IGNORECASE)
MOST_COLUMNS = 10_000
SAMPLED_ROWS = 50


def rows(source: Source) -> Iterator[Any]:
    """Each row as {column: cell}; a Rejection for a row with more or fewer cells than the header, or broken bytes.

    A column without a name is only in the rows where it has something in it. What was left out or renamed is said in
    `source.remarks`, once all rows are read.
    """
    csv.field_size_limit(MOST_ROW_BYTES)
    head = source.text_head().decode("utf-8", "ignore")
    text = _Lines(source, by_return="\n" not in head and "\r" in head)
    if SEPARATOR.match(head):
        next(text)
    cells = csv.reader(text, delimiter=delimiter_of(head))
    table = _Table(_header(cells, text))
    for row in _guarded(cells):
        if text.broken:
            yield Rejection("not_utf8", text.take_broken())
        elif row:
            yield table.row(row)
    source.remarks += table.remarks()


class _Lines(Iterator[str]):
    """The lines of a table as text; `by_return`: they end as on the first Macs. Broken bytes are noticed: they become
    a rejected row, not a broken file."""

    def __init__(self, source: Source, by_return: bool) -> None:
        chunks = source.chunks()
        self._lines = lines((chunk.replace(b"\r", b"\n") for chunk in chunks) if by_return else chunks)
        self.broken = ""  # the line with the first of them, since somebody has asked

    def __next__(self) -> str:
        line = next(self._lines)
        if line is None:
            raise UnreadableError(
                f"A line is longer than {MOST_ROW_BYTES >> 20} MB.", "Export the table again, with line breaks."
            )
        try:
            return line.decode()
        except UnicodeDecodeError:
            text = line.decode("utf-8", "surrogateescape")
            self.broken = self.broken or text
            return text

    def take_broken(self) -> str:
        broken, self.broken = self.broken, ""
        return broken.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").strip()


class _Table:
    """Rows by the header, and what had to be done about it."""

    def __init__(self, header: list[str]) -> None:
        self._header = header
        self._names = told_apart(header)
        self._nameless = [place for place, name in enumerate(header) if not name]
        self._named = max((place for place, name in enumerate(header, 1) if name), default=0)
        self._filled: set[int] = set()  # columns without a name that have something in them
        self._too_long = 0  # rows with nothing but empty cells beyond the header

    def row(self, cells: list[str]) -> dict[str, str] | Rejection:
        count = len(self._names)
        if len(cells) != count:
            if len(cells) < self._named or any(cells[count:]):
                return Rejection("cells", f"{len(cells)} cells, the header has {count}: {cells[:5]}")
            self._too_long += len(cells) > count
            cells = cells[:count] + [""] * (count - len(cells))
        row = dict(zip(self._names, cells, strict=True))
        for place in self._nameless:
            if cells[place].strip():
                self._filled.add(place)
            else:
                del row[self._names[place]]
        return row

    def remarks(self) -> list[str]:
        """What a person should know about the columns."""
        said = duplicates_note(self._header, self._names)
        said += [
            f"Column {place + 1} has no name; it is called `{self._names[place]}`." for place in sorted(self._filled)
        ]
        if empty := len(self._nameless) - len(self._filled):
            columns = "A column without a name and with" if empty == 1 else f"{empty:,} columns without a name and with"
            said.append(f"{columns} nothing in {'it was' if empty == 1 else 'them were'} left out.")
        if self._too_long:
            rows = "A row ends" if self._too_long == 1 else f"{self._too_long:,} rows end"
            said.append(f"{rows} with empty cells beyond the last column; these were left out.")
        return said


def name_of(source: Source) -> str:
    """What a table is called, with what stands between its cells."""
    return NAMES[delimiter_of(source.text_head().decode("utf-8", "ignore"))]


def delimiter_of(head: str) -> str:
    """The delimiter that a first line tells Excel, or else the one that gives the first rows the most columns, the same
    number in each."""
    if separator := SEPARATOR.match(head):
        return separator[1]
    head = head.replace("\r", "\n")
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


def _header(cells: Iterable[list[str]], text: _Lines) -> list[str]:
    header = [name.strip() for name in next(iter(_guarded(cells)), [])]
    if text.broken:
        message = f"The header has bytes that are not in the encoding of the file: {text.take_broken()[:100]}"
        raise UnreadableError(message, "Choose another encoding, or save the file as UTF-8.")
    if len(header) > MOST_COLUMNS:
        raise UnreadableError(f"The file has {len(header)} columns.", "Keep the columns with the training text.")
    return header


def _guarded(cells: Iterable[list[str]]) -> Iterator[list[str]]:
    try:
        yield from cells
    except csv.Error as error:
        hint = "A closing quote may be missing. Open the file in a spreadsheet and export it again."
        raise UnreadableError(f"The table cannot be read: {error}.", hint) from error
