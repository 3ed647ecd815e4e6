"""A JSONL file cut into blocks of whole lines, and what becomes of a block: the part of an import done in parallel."""

import gc
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from engine.rows.mapping.judged_rows import Judged, judge_rows
from engine.rows.readers.json_lines import row_of
from engine.rows.readers.lines import MOST_ROW_BYTES, lines
from engine.rows.readers.source import Source
from engine.rows.verdict import Format, Rejection

BLOCK_BYTES = 2 << 20
BLOCK_ROWS = 4000  # about: short rows, judged, take a hundred times the memory of their text
LOOK_BYTES = 1 << 16


class Block(NamedTuple):
    """Whole lines of a file, from one byte to another. A `temporary` file is removed when it has been read."""

    path: str
    start: int
    end: int
    temporary: bool = False
    done: int = 0  # how far the import is when this block is: bytes of the source


def blocks(source: Source, out: Path) -> Iterator[Block]:
    """The whole source, in order. What is packed or not UTF-8 is unpacked into small files in `out` on the way."""
    if source.encoding == "utf-8" and not source.packed:
        rows = source.head.count(b"\n") + 1
        step = min(BLOCK_BYTES, max(LOOK_BYTES, BLOCK_ROWS * len(source.head) // rows))
        return _spans(source.path, len(source.bom), source.size, step)
    return _pieces(source, out)


def _spans(path: Path, start: int, size: int, step: int) -> Iterator[Block]:
    with path.open("rb", buffering=0) as file:
        while start < size:
            end = min(_line_end(file.fileno(), start + step), size)
            yield Block(str(path), start, end, done=end)
            start = end


def _line_end(descriptor: int, position: int) -> int:
    """The first byte after the line that byte `position` - 1 is in; far beyond the file when that line is the last."""
    position -= 1
    while piece := os.pread(descriptor, LOOK_BYTES, position):
        index = piece.find(b"\n")
        if index >= 0:
            return position + index + 1
        position += len(piece)
    return position


def _pieces(source: Source, out: Path) -> Iterator[Block]:
    for number, content in enumerate(_whole_lines(source.chunks())):
        path = out / f"piece-{number}.part"
        path.write_bytes(content)
        yield Block(str(path), 0, len(content), temporary=True, done=source.done)


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks, cut where a line ends. Of a line that is too long only so much is kept that this can be seen."""
    pending = b""
    for chunk in chunks:
        rest, newline, remainder = chunk.rpartition(b"\n")
        if not newline:
            pending += remainder if len(pending) <= MOST_ROW_BYTES else b""
            continue
        yield pending + rest + newline
        pending = remainder
    if pending:
        yield pending


def judged_block(block: Block, main_format: Format) -> Judged:
    """The verdicts on the rows of a block."""
    try:
        return judge_rows(_rows(block), main_format)
    finally:
        if block.temporary:
            os.unlink(block.path)


def _rows(block: Block) -> Iterator[Any]:
    with open(block.path, "rb", buffering=0) as file:
        file.seek(block.start)
        if block.end - block.start > MOST_ROW_BYTES:
            yield from _long_rows(_chunks(file, block.end - block.start))
            return
        yield from rows_in(file.read(block.end - block.start))


def rows_in(lines: bytes) -> Iterator[Any]:
    """What stands in each line that is not blank."""
    for line in lines.split(b"\n"):
        if line and not line.isspace():
            yield row_of(line)


def _long_rows(chunks: Iterable[bytes]) -> Iterator[Any]:
    for line in lines(chunks):
        if line is None:
            yield Rejection("too_long")
        elif not line.isspace():
            yield row_of(line.removesuffix(b"\n"))


def _chunks(file: Any, size: int) -> Iterator[bytes]:
    while size > 0 and (chunk := file.read(min(size, BLOCK_BYTES))):
        size -= len(chunk)
        yield chunk


def without_garbage_collection() -> None:
    """Rows hold no cycles; looking for some in the millions of objects of a block takes as long as judging them."""
    gc.freeze()
    gc.disable()
