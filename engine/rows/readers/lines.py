"""Lines of a stream of bytes, none longer than the longest row."""

from collections.abc import Iterable, Iterator

MOST_ROW_BYTES = 16 << 20


def lines(chunks: Iterable[bytes], most: int = MOST_ROW_BYTES) -> Iterator[bytes | None]:
    """Each line with its line break; None for a line longer than `most`, which is passed over, not kept."""
    pieces: list[bytes] = []  # pieces of the line that is not yet whole
    piece_bytes, skipping = 0, False
    for chunk in chunks:
        first, newline, rest = chunk.partition(b"\n")
        if not skipping:
            pieces.append(first + newline)
            piece_bytes += len(pieces[-1])
            if piece_bytes > most:
                pieces, piece_bytes, skipping = [], 0, True
        if not newline:
            continue
        yield None if skipping else b"".join(pieces)
        *whole, last = rest.split(b"\n")
        for line in whole:
            yield line + b"\n" if len(line) <= most else None
        pieces, piece_bytes, skipping = [last], len(last), False
    if skipping:
        yield None
    elif piece_bytes:
        yield b"".join(pieces)
