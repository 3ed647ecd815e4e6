"""The swift way through a large JSONL file: blocks read by Arrow in threads, odd rows judged one by one.

Where many blocks are odd, the rest of the file is handed to processes that judge every row (`import_pool`).
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from engine.rows.mapping import clean_blocks, judged_rows
from engine.rows.mapping.judged_rows import Judged
from engine.rows.readers.lines import MOST_ROW_BYTES
from engine.rows.verdict import Format
from engine.workers.data import import_blocks
from engine.workers.data.import_blocks import Block

AHEAD = 3  # blocks a thread is given at once,
AHEAD_BYTES = 24 << 20  # unless all of them together are as long as this
PIECE_BYTES = 1 << 17
LOOKED_AT = 8
MOST_ODD = 1 / 4  # of the blocks: where more are, processes are quicker than threads

Verdicts = Iterator[tuple[Block, Judged]]
Pieces = tuple[bool, list[Judged]]  # whether the block was read at once, and the verdicts on it


def fits(main_format: Format, rows: Sequence[Any]) -> bool:
    """Whether a file is worth a try: by its format, and by its first rows, most of which must have no other columns."""
    clean_format = clean_blocks.CLEAN_FORMATS.get(main_format.name)
    if clean_format is None:
        return False
    names = set(clean_format.columns.names)
    return sum(isinstance(row, dict) and row.keys() == names for row in rows) * 2 > len(rows)


def judged(
    blocks: Iterator[Block], main_format: Format, by_processes: Callable[[Iterator[Block]], Verdicts], threads: int
) -> Verdicts:
    """Each block with its verdicts, in order, perhaps in pieces. After too many odd ones `by_processes` goes on."""
    seen = odd = 0
    submitted: deque[tuple[Block, Future[Pieces]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        while submitted or seen < LOOKED_AT or odd <= seen * MOST_ODD:
            has_too_many_odd = seen >= LOOKED_AT and odd > seen * MOST_ODD
            while not has_too_many_odd and _has_room(submitted, threads) and (block := next(blocks, None)):
                submitted.append((block, pool.submit(_judged, block, main_format)))
            if not submitted:
                return
            block, future = submitted.popleft()
            is_clean, pieces = future.result()
            seen, odd = seen + 1, odd + (not is_clean)
            for verdicts in pieces:
                yield block, verdicts
    yield from by_processes(blocks)


def _has_room(submitted: deque[tuple[Block, Future[Pieces]]], threads: int) -> bool:
    """Whether one block more may be read: a few, so that no thread waits; hardly any where rows are very long."""
    return len(submitted) < AHEAD * threads and sum(block.end - block.start for block, _ in submitted) < AHEAD_BYTES


def _judged(block: Block, main_format: Format) -> Pieces:
    """Of a block Arrow makes nothing of, piece by piece, so that few rows are judged one by one."""
    if block.end - block.start > MOST_ROW_BYTES:
        return False, [import_blocks.judged_block(block, main_format)]
    with open(block.path, "rb", buffering=0) as file:
        file.seek(block.start)
        text = file.read(block.end - block.start)
    if block.temporary:
        os.unlink(block.path)
    clean_format = clean_blocks.CLEAN_FORMATS[main_format.name]
    parts = clean_blocks.rows(text, clean_format)
    if parts is not None:
        return True, [_verdict(part, main_format) for part in parts]
    return False, [
        _verdict(part, main_format)
        for piece in _pieces(text)
        for part in clean_blocks.rows(piece, clean_format) or [piece]
    ]


def _verdict(part: Judged | bytes, main_format: Format) -> Judged:
    return judged_rows.judge_rows(import_blocks.rows_in(part), main_format) if isinstance(part, bytes) else part


def _pieces(text: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(text):
        end = text.find(b"\n", min(start + PIECE_BYTES, len(text)) - 1) + 1 or len(text)
        yield text[start:end]
        start = end
