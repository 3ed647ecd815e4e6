"""JSON that is not one object a line: an array of rows, or objects one after the other, however they are laid out.

Finds where each row begins and ends by its brackets, without parsing or keeping more than one row, and leaves the rest
to orjson. So a row that is no valid JSON is one rejected row, not a broken file, and depth costs no stack.
"""

import re
from collections.abc import Iterator
from typing import Any

from engine.data.errors import UnreadableError
from engine.data.readers.json_lines import row_of
from engine.data.readers.lines import MOST_ROW_BYTES
from engine.data.source import Source

# A whole string, a bracket, or the comma between bare values. `"` alone is a string that is not whole yet.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}"]|[^\s,\[\]{}":]+', re.DOTALL)
CUT = "The file ends in the middle of a row; it may have been cut off. Export or download it again."


def rows(source: Source) -> Iterator[Any]:
    """Rows of `[{...}, {...}]`, or of `{...} {...}`. Raises UnreadableError where the brackets do not match."""
    scanner = _Scanner(in_array=source.text_head().lstrip()[:1] == b"[")
    for chunk in source.chunks():
        yield from map(row_of, scanner.feed(chunk))
    yield from map(row_of, scanner.feed(b"", last=True))
    scanner.end()


class _Scanner:
    def __init__(self, in_array: bool) -> None:
        self.outer = 1 if in_array else 0  # how deep the brackets around the rows are
        self.depth = 0
        self.held = b""  # what is not yet a whole row
        self.start = 0  # where in it the row begins
        self.at = 0  # where in it to go on looking
        self.needed = 0  # how much must be held before looking again pays
        self.closed = False  # the array has ended
        self.count = 0

    def feed(self, chunk: bytes, last: bool = False) -> Iterator[bytes]:
        """The rows that are whole now."""
        self.held += chunk
        if len(self.held) < self.needed and not last:
            return
        self.needed = 0
        while (token := TOKEN.search(self.held, self.at)) is not None:
            # What touches the end may go on in the next chunk.
            if token[0] == b'"' or (token.end() == len(self.held) and token[0][:1] not in b'[]{}"'):
                self.at = token.start()
                # A long string is not looked through again at every chunk.
                self.needed = min(2 * (len(self.held) - self.at), MOST_ROW_BYTES + 1)
                break
            self.at = token.end()
            if (row := self._take(token)) is not None:
                yield row
        else:
            self.at = len(self.held)
        self._drop_what_is_done()

    def end(self) -> None:
        """Raises UnreadableError when the content ended inside a row or an array."""
        if self.depth or self.held[self.start :].strip() or (self.outer and not self.closed):
            raise UnreadableError(f"The JSON is broken after row {self.count}.", CUT)

    def _take(self, token: re.Match[bytes]) -> bytes | None:
        if self.closed:
            raise UnreadableError(f"Something follows the list of rows, after row {self.count}.", "Keep one list.")
        before, mark = self.depth, token[0]
        if mark in (b"{", b"["):
            self.depth += 1
        elif mark in (b"}", b"]"):
            self.depth -= 1
        if before == 0 and self.outer:  # the bracket that opens the array
            self.start = self.at
            return None
        if self.depth < self.outer:
            self.closed = True
            self._check_end(mark)
            return None
        if before == self.outer and self.depth >= before:
            self.start = token.start()
        return self._row() if self.depth == self.outer else None

    def _check_end(self, mark: bytes) -> None:
        self.start = self.at
        if not self.outer or mark != b"]":
            raise UnreadableError(f"The brackets do not match after row {self.count}.", CUT)

    def _row(self) -> bytes:
        row = self.held[self.start : self.at]
        self.start = self.at
        self.count += 1
        return row

    def _drop_what_is_done(self) -> None:
        inside = self.depth > self.outer
        keep = self.start if inside else self.at
        self.held, self.at, self.start = self.held[keep:], self.at - keep, 0
        if len(self.held) > MOST_ROW_BYTES:
            raise UnreadableError(
                f"The row after row {self.count} is longer than {MOST_ROW_BYTES >> 20} MB, or a quote is missing.",
                "Split the row or correct the file.",
            )
