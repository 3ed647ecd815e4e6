"""Plain text and Markdown: a row is a paragraph, that is, text between blank lines.

A file without blank lines (looked for in its first 256 kB) gives a row a line. Line breaks inside a paragraph are kept.
"""

import re
from collections.abc import Iterator
from typing import Any

from engine.rows.readers.lines import MOST_ROW_BYTES, lines
from engine.rows.readers.source import Source
from engine.rows.verdict import Rejection

BLANK_LINE = re.compile(rb"\n[ \t\r]*\n")


def rows(source: Source) -> Iterator[Any]:
    """Each paragraph as {"text": ...}; a Rejection for one that is too long or not UTF-8."""
    by_line = BLANK_LINE.search(source.text_head().strip()) is None
    paragraph: list[bytes] = []
    paragraph_bytes = 0
    for line in lines(source.chunks()):
        if (
            line
            and not line.isspace()
            and paragraph_bytes + len(line) <= MOST_ROW_BYTES
            and not (by_line and paragraph)
        ):
            paragraph.append(line)
            paragraph_bytes += len(line)
            continue
        if paragraph:
            yield _row(b"".join(paragraph))
        if line is None:
            yield Rejection("too_long")
        paragraph = [line] if line and not line.isspace() else []
        paragraph_bytes = sum(map(len, paragraph))
    if paragraph:
        yield _row(b"".join(paragraph))


def _row(text: bytes) -> dict[str, str] | Rejection:
    try:
        return {"text": text.decode().strip("\r\n").replace("\r\n", "\n")}
    except UnicodeDecodeError as error:
        return Rejection("not_utf8", f"{error.reason}: {text[:120]!r}")
