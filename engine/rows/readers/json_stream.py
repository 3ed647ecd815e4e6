"""JSON that is not one object a line: an array of rows, or objects one after the other, however they are laid out.

The array may be the value of `data` (or another of WRAPPERS) in one object; what stands beside it is left out.

Finds where each row begins and ends by its brackets, without parsing or keeping more than one row, and leaves the rest
to orjson. So a row that is no valid JSON is one rejected row, not a broken file, and depth costs no stack.
"""

import re
from collections.abc import Iterator
from typing import Any

from engine.rows.errors import UnreadableError
from engine.rows.readers.json_lines import row_of
from engine.rows.readers.lines import MOST_ROW_BYTES
from engine.rows.readers.source import Source
from engine.rows.verdict import Rejection

# A whole string, a comment, a bracket, or the comma between bare values. `"` alone is a string that is not whole yet.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|//[^\n]*+|[\[\]{}"]|[^\s,\[\]{}":]+', re.DOTALL)
WRAPPERS = ("data", "rows", "train", "examples", "instances", "items", "records", "samples")
# The list of objects in an object, with nothing but single values before it. Were those a possessive group, Python
# 3.11.0 to 3.11.4 would find nothing (python/cpython#106052).
WRAPPED = re.compile(
    rb'\{\s*+(?:"\w++"\s*+:\s*+(?:"[^"\\]*+"|[\w.+-]++)\s*+,\s*+)*"(?:'
    + "|".join(WRAPPERS).encode()
    + rb')"\s*+:\s*+(?=\[\s*+\{)'
)
WRAPPER_BYTES = 1 << 12
CUT = "The file ends in the middle of a row; it may have been cut off. Export or download it again."


def rows(source: Source) -> Iterator[Any]:
    """Rows of `[{...}, {...}]`, of `{"data": [{...}]}`, or of `{...} {...}`.

    Raises UnreadableError where the brackets do not match.
    """
    head = source.text_head().lstrip()
    wrapper_bytes = wrapper_of(head)
    scanner = _Scanner(in_array=head[:1] == b"[" or wrapper_bytes > 0, wrapped=wrapper_bytes > 0)
    for chunk in _without_beginning(source.chunks(), wrapper_bytes):
        yield from map(row_of, scanner.feed(chunk))
    yield from map(row_of, scanner.feed(b"", last=True))
    scanner.end()
    if scanner.comments:
        source.remarks.append(f"Comments between the rows were left out: {scanner.comments:,}.")


def wrapper_of(head: bytes) -> int:
    """How many bytes of an object come before its list of rows; 0 when it is no such object."""
    match = WRAPPED.match(head[:WRAPPER_BYTES])
    return match.end() if match and not _is_a_line(head) else 0


def _is_a_line(head: bytes) -> bool:
    """Whether the first object is a row of its own, on its line, with others below."""
    first, _newline, rest = head.partition(b"\n")
    return rest.lstrip()[:1] == b"{" and not isinstance(row_of(first), Rejection)


def _without_beginning(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """The chunks without `count` bytes after the blanks at the start."""
    first = b""
    for chunk in chunks:
        first = (first + chunk).lstrip()
        if len(first) >= count:
            break
    yield first[count:]
    yield from chunks


class _Scanner:
    def __init__(self, in_array: bool, wrapped: bool = False) -> None:
        self.wrapped = wrapped  # what follows the array is of no interest
        self.outer = 1 if in_array else 0  # how deep the brackets around the rows are
        self.depth = 0
        self.held = b""  # what is not yet a whole row
        self.start = 0  # where in it the row begins
        self.at = 0  # where in it to go on looking
        self.needed = 0  # how much must be held before looking again pays
        self.closed = False  # the array has ended
        self.count = self.comments = 0

    def feed(self, chunk: bytes, last: bool = False) -> Iterator[bytes]:
        """The rows that are whole now."""
        if self.closed and self.wrapped:
            self.held = b""
            return
        self.held += chunk
        if len(self.held) < self.needed and not last:
            return
        self.needed = 0
        while (token := TOKEN.search(self.held, self.at)) is not None:
            # What touches the end may go on in the next chunk.
            is_comment = token[0].startswith(b"//")
            may_go_on = token.end() == len(self.held) and token[0][:1] not in b'[]{}"' and not (is_comment and last)
            if token[0] == b'"' or may_go_on:
                self.at = token.start()
                # A long string is not looked through again at every chunk.
                self.needed = min(2 * (len(self.held) - self.at), MOST_ROW_BYTES + 1)
                break
            self.at = token.end()
            if is_comment:
                self._comment()
            elif (row := self._take(token)) is not None:
                yield row
        else:
            self.at = len(self.held)
        self._drop_what_is_done()

    def end(self) -> None:
        """Raises UnreadableError when the content ended inside a row or an array."""
        if self.depth or self.held[self.start :].strip() or (self.outer and not self.closed):
            raise UnreadableError(f"The JSON is broken after row {self.count}.", CUT)

    def _take(self, token: re.Match[bytes]) -> bytes | None:
        if self.closed and self.wrapped:
            return None
        if self.closed:
            raise UnreadableError(f"Something follows the list of rows, after row {self.count}.", "Keep one list.")
        depth_before, mark = self.depth, token[0]
        if mark in (b"{", b"["):
            self.depth += 1
        elif mark in (b"}", b"]"):
            self.depth -= 1
        if depth_before == 0 and self.outer:  # the bracket that opens the array
            self.start = self.at
            return None
        if self.depth < self.outer:
            self.closed = True
            self._check_end(mark)
            return None
        if depth_before == self.outer and self.depth >= depth_before:
            self.start = token.start()
        return self._row() if self.depth == self.outer else None

    def _comment(self) -> None:
        """One inside of a row stays in it, for whoever mends that."""
        if self.depth <= self.outer:
            self.comments += 1
            self.start = self.at

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
        kept_from = self.start if inside else self.at
        self.held, self.at, self.start = self.held[kept_from:], self.at - kept_from, 0
        if len(self.held) > MOST_ROW_BYTES:
            raise UnreadableError(
                f"The row after row {self.count} is longer than {MOST_ROW_BYTES >> 20} MB, or a quote is missing.",
                "Split the row or correct the file.",
            )
