"""A new file that is hashed and written by a thread of its own, a few MB behind, while more is made of rows.

The thread lives until `close`. An error of its own is raised by the next `write`, `flush` or `sync`.
"""

import hashlib
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

PIECE_BYTES = 1 << 20  # written at once
MOST_BYTES = 8 << 20  # waiting to be
LEAVING_BYTES = 16 << 20


class HashedFile:
    """What a Parquet writer writes to. `sha256` is that of the whole file once it is synced."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.sha256 = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1)
        self._pieces: list[bytes] = []
        self._held = 0
        self._coming: deque[tuple[Future[None], int]] = deque()
        self._waiting = 0
        self._leaving = 0  # how much of it is on the way to the disk

    def write(self, data: bytes) -> int:
        """Raises what went wrong with something written before, as a file does."""
        self._pieces.append(data)
        self._held += len(data)
        if self._held >= PIECE_BYTES:
            self._send()
        return len(data)

    def _send(self) -> None:
        self._coming.append((self._thread.submit(self._put, self._pieces), self._held))
        self._waiting += self._held
        self._pieces, self._held = [], 0
        self._wait(MOST_BYTES)

    def _wait(self, most_bytes: int) -> None:
        while self._coming and self._waiting >= most_bytes:
            pending, size = self._coming.popleft()
            self._waiting -= size
            pending.result()

    def _put(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self.sha256.update(piece)
            self._file.write(piece)
        self._file.flush()
        position = self._file.tell()
        if position - self._leaving >= LEAVING_BYTES and hasattr(os, "posix_fadvise"):
            # Begins to bring it to the disk, else all of that is left for the end. What is not there yet stays cached.
            os.posix_fadvise(self._file.fileno(), self._leaving, position - self._leaving, os.POSIX_FADV_DONTNEED)
            self._leaving = position

    def sync(self) -> None:
        self.flush()
        os.fsync(self._file.fileno())

    def flush(self) -> None:
        self._send()
        self._wait(0)
        self._file.flush()

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)
        self._file.close()

    @property
    def closed(self) -> bool:
        return self._file.closed
