"""Lines of a stream of bytes, none longer than the longest row."""

from collections.abc import Iterable, Iterator

MOST_ROW_BYTES = 16 << 20


def lines(chunks: Iterable[bytes], most: int = MOST_ROW_BYTES) -> Iterator[bytes | None]:
    """Each line with its line break; None for a line longer than `most`, which is passed over, not kept."""
    held: list[bytes] = []  # pieces of the line that is not yet whole
    held_bytes, skipping = 0, False
    for chunk in chunks:
        first, newline, rest = chunk.partition(b"\n")
        if not skipping:
            held.append(first + newline)
            held_bytes += len(held[-1])
            if held_bytes > most:
                held, held_bytes, skipping = [], 0, True
        if not newline:
            continue
        yield None if skipping else b"".join(held)
        *whole, last = rest.split(b"\n")
        for line in whole:
            yield line + b"\n" if len(line) <= most else None
        held, held_bytes, skipping = [last], len(last), False
    if skipping:
        yield None
    elif held_bytes:
        yield b"".join(held)
