"""What a worker or a server printed into its log: followed, searched, downloaded. Secrets are hidden everywhere.

A long log has a hole in its middle, whose disk the shim gave back: byte offsets stay what they were, and who reads
comes to what is left.
"""

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from engine.process import logs, process
from engine.sizes import in_words

Level = Literal["error", "warning", "progress", "other"]

FILE = "output.log"
BLOCK = 1 << 20
SCANNED = 64 << 20  # bytes that one search reads at most
LONGEST = 2000  # characters of a found line
_ERROR = re.compile(r"^Traceback \(most recent|^\s*[\w.]*(?:Error|Exception|Interrupt)\b:|\b(?:ERROR|CRITICAL|FATAL)\b")
_WARNING = re.compile(r"\bWARN(?:ING)?\b|Warning:")
_PROGRESS = re.compile(r"\d+%\|.*\|\s*[\d.,]+[kMG]?/[\d.,?]+[kMG]?")


@dataclass(frozen=True)
class Line:
    """A line that was found; `offset` is the byte at which it begins."""

    offset: int
    text: str
    level: Level


@dataclass(frozen=True)
class Found:
    """Lines in their order, and the byte from which a further search goes on; None at the end of the log."""

    lines: list[Line]
    next: int | None


def level_of(line: str) -> Level:
    """How much a line matters, judged by the words that Python, TRL and Linux use."""
    line = line[:LONGEST]  # an endless line must not cost endless time
    if _ERROR.search(line):
        return "error"
    if _PROGRESS.search(line):
        return "progress"
    return "warning" if _WARNING.search(line) else "other"


def text(path: Path, offset: int = 0, most_bytes: int = 65536) -> tuple[str, int]:
    """What the worker printed after byte `offset`, as a terminal would show it, and where to go on.

    A negative offset counts from the end. The file may be missing.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            asked = max(0, size + offset) if offset < 0 else min(offset, size)
            start, content = _read(file, asked, most_bytes)
    except FileNotFoundError:
        return "", 0
    is_cut = start + len(content) < size
    content = content[: content.rfind(b"\n") + 1 or len(content)] if is_cut else content
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    words = logs.redact(process.readable(decoder.decode(content)))
    left_out = f"\n[{in_words(start - asked)} were left out here: the log is long]\n" if start > asked else ""
    return left_out + words, start + len(content) - len(decoder.getstate()[0])


def search(path: Path, words: str = "", level: Level | None = None, after: int = 0, limit: int = 200) -> Found:
    """The lines from byte `after` on that hold `words` (whatever the case) and have the level.

    One call reads 64 MB at most. The file may be missing.
    """
    folded, lines, position = words.casefold(), list[Line](), after
    try:
        with path.open("rb") as file:
            for offset, raw in _lines(file, after):
                position = offset + len(raw)
                line = _shown(raw)
                if folded in line.casefold() and level in (None, line_level := level_of(line)):
                    lines.append(Line(offset, line[:LONGEST], line_level))
                if len(lines) >= limit or position - after >= SCANNED:
                    return Found(lines, position if position < file.seek(0, os.SEEK_END) else None)
    except FileNotFoundError:
        pass
    return Found(lines, None)


def whole(path: Path) -> Iterator[bytes]:
    """All that is left of the log, piece by piece, for a download."""
    return _pieces(path) if path.exists() else iter(())


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for _, line in _lines(file, 0):
            yield logs.redact(line.decode("utf-8", "replace")).encode()


def _shown(raw: bytes) -> str:
    return logs.redact(process.readable(raw.decode("utf-8", "replace").rstrip("\n")))


def _lines(file: BinaryIO, offset: int) -> Iterator[tuple[int, bytes]]:
    """(byte offset, line with its end) from `offset` on; a line of over a megabyte comes in pieces."""
    rest = b""
    while True:
        start, block = _read(file, offset, BLOCK)
        if rest and start > offset:  # a hole: what stood before it has no end
            yield offset - len(rest), rest
            rest = b""
        if not block:
            break
        position, offset = start - len(rest), start + len(block)
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield position, line + b"\n"
            position += len(line) + 1
        if len(rest) > BLOCK:
            yield position, rest
            rest = b""
    if rest:
        yield offset - len(rest), rest


def _read(file: BinaryIO, offset: int, most_bytes: int) -> tuple[int, bytes]:
    """(where it begins, bytes) of what is there from `offset` on, up to the next hole."""
    try:
        start = os.lseek(file.fileno(), offset, os.SEEK_DATA)
        hole = os.lseek(file.fileno(), start, os.SEEK_HOLE)
    except OSError:  # nothing after it
        return file.seek(0, os.SEEK_END), b""
    return start, os.pread(file.fileno(), min(most_bytes, hole - start), start)
