"""Which reader a file needs: by what is in it first, by its name where that leaves a choice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from engine.rows.errors import UnreadableError
from engine.rows.readers import arrow, delimited, json_lines, json_stream, paragraphs, parquet
from engine.rows.readers.source import Source
from engine.rows.verdict import Rejection


@dataclass(frozen=True)
class Reader:
    """A way of writing rows into a file."""

    name: str
    suffixes: tuple[str, ...]
    about: str  # for the guide
    rows: Callable[[Source], Iterator[Any]]
    magic: tuple[bytes, ...] = ()  # the first bytes of such a file; text has none


ARRAYS = (
    "an array of objects (which may be the `data`, `rows` or `train` of one object), or objects one after the other"
)
JSON = Reader("JSON", (".json",), ARRAYS, json_stream.rows)
JSONL = Reader("JSON Lines", (".jsonl", ".ndjson"), "one object a line; blank lines do not count", json_lines.rows)
TABLE = Reader(
    "CSV or TSV",
    (".csv", ".tsv"),
    "a header and rows; commas, tabs, semicolons or bars, found by looking; every cell is text",
    delimited.rows,
)
PARQUET = Reader("Parquet", (".parquet",), "one row a row", parquet.rows, (b"PAR1",))
ARROW = Reader(
    "Arrow",
    (".arrow", ".feather"),
    "one row a row; IPC files, IPC streams (as `datasets` caches them) and Feather",
    arrow.rows,
    arrow.MAGIC,
)
TEXT = Reader(
    "plain text",
    (".txt", ".text", ".md", ".markdown"),
    "a paragraph a row; a file without blank lines gives a row a line",
    paragraphs.rows,
)
READERS = (JSON, JSONL, TABLE, PARQUET, ARROW, TEXT)
BINARY = (PARQUET, ARROW)
PACKED = (".gz", ".zst", ".zstd")

READABLE_HINT = (
    "Files that can be read: "
    + ", ".join(suffix for reader in READERS for suffix in reader.suffixes)
    + ", and the text files among them as .gz or .zst."
)
# The first bytes of files people upload by mistake.
UNSUPPORTED = (
    (b"PK\x03\x04", "a zip archive (or an Excel or Word file)", "Unpack it, or export the sheet as CSV."),
    (b"\xd0\xcf\x11\xe0", "an Excel or Word file, an old one or one with a password", "Export it as CSV or text."),
    (b"%PDF", "a PDF", "Export its text to a .txt file."),
    (b"FEA1", "a Feather file of the first version", "Write it with pyarrow.feather.write_feather(version=2)."),
    (b"BZh", "packed with bzip2", "Unpack it, or pack it with gzip."),
    (b"\xfd7zXZ", "packed with xz", "Unpack it, or pack it with gzip."),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it."),
    (b"SQLite format 3", "a SQLite database", "Export the table as CSV."),
    (b"\x89PNG", "an image", READABLE_HINT),
    (b"\xff\xd8\xff", "an image", READABLE_HINT),
    (b"\x7fELF", "a program", READABLE_HINT),
    (b"GGUF", "a model", READABLE_HINT),
    (b"<!doctype html", "a web page", "Download the file itself, not the page about it."),
    (b"<html", "a web page", "Download the file itself, not the page about it."),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "Fetch the file with `git lfs pull`."),
)


def choose(source: Source, name: str) -> Reader:
    """The reader for a file called `name`. Raises UnreadableError when there is none."""
    _refuse_unsupported(source.head)
    suffix = PurePath(unpacked_name(name)).suffix
    for reader in BINARY:
        if source.head.startswith(reader.magic):
            if source.packed:
                raise UnreadableError(
                    f"{reader.name} inside a {source.packed} file cannot be read.", "Unpack it first."
                )
            return reader
    for reader in BINARY:
        if suffix in reader.suffixes:
            hint = "Give the file the ending of what it is. " + READABLE_HINT
            raise UnreadableError(f"`{name}` does not hold {reader.name}.", hint)
    return _text_reader(source, name, suffix)


def unpacked_name(name: str) -> str:
    """The name in lower case, without the ending of a packed file."""
    lower = name.lower()
    return next((lower.removesuffix(ending) for ending in PACKED if lower.endswith(ending)), lower)


def readable(name: str) -> bool:
    """Whether the ending of a file's name is one of those that can be read."""
    return unpacked_name(name).endswith(tuple(suffix for reader in READERS for suffix in reader.suffixes))


def _text_reader(source: Source, name: str, suffix: str) -> Reader:
    head = source.text_head()
    if is_binary(head):
        raise UnreadableError(f"`{name}` does not hold text.", READABLE_HINT)
    json_reader = _json_reader(head, suffix)
    if json_reader is not None:
        return json_reader
    for reader in (TABLE, TEXT):
        if suffix in reader.suffixes:
            return reader
    if suffix in JSON.suffixes:
        beginning = head.lstrip()[:20].decode("utf-8", "replace").split("\n")[0]
        raise UnreadableError(f"`{name}` does not hold JSON: it begins with `{beginning}`.", READABLE_HINT)
    raise UnreadableError(f"The ending of `{name}` says nothing about what is in it.", READABLE_HINT)


def _json_reader(head: bytes, suffix: str) -> Reader | None:
    start = head.lstrip()
    has_json_suffix = suffix in JSON.suffixes + JSONL.suffixes
    first_line = start.split(b"\n", 1)[0]
    if json_stream.wrapper_of(start):
        return JSON
    if start[:1] == b"{" and _is_json(first_line):
        return JSONL
    if start[:1] in (b"[", b"{") and (has_json_suffix or _rows_begin(start)):
        return JSONL if _next_line_begins_a_row(start) else JSON
    return JSONL if suffix in JSONL.suffixes else None


def _next_line_begins_a_row(start: bytes) -> bool:
    """A first line that is broken, in a file of one object a line."""
    lines = start.split(b"\n", 2)
    return start[:1] == b"{" and len(lines) > 1 and lines[1].lstrip()[:1] == b"{" and lines[0].strip() != b"{"


def _rows_begin(start: bytes) -> bool:
    """Whether JSON under another name really is JSON: `[{"` or `{"`, and not a Markdown link."""
    beginning = b"".join(start[:200].split())
    return beginning.startswith((b'[{"', b'{"'))


def _is_json(text: bytes) -> bool:
    """Whether a line is JSON, small slips aside."""
    return not isinstance(json_lines.row_of(text), Rejection)


def is_binary(head: bytes) -> bool:
    """Whether bytes are no text of UTF-8: they have many of the characters that no text has."""
    controls = sum(head.count(bytes([code])) for code in (*range(9), *range(14, 27)))
    return controls > len(head) * 0.02


def _refuse_unsupported(head: bytes) -> None:
    start = head.lstrip()[:40].lower()
    for magic, what, hint in UNSUPPORTED:
        if head.startswith(magic) or (magic.startswith((b"<", b"version")) and start.startswith(magic)):
            raise UnreadableError(f"The file is {what}.", hint)
