"""What a backend answers, as it arrives: its head, its pieces or the whole, or what went wrong.

Filled by a connection (app.v1.connection) and read by one task. A short answer wakes that task once, when it is whole.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from engine.serve import outside

PAUSE_BYTES = 256 << 10  # of a stream that nobody has read yet: then the backend has to wait


class UnreachedError(Exception):
    """Nothing answered, so that the same may be asked again. Its cause says why."""


class BrokenOffError(Exception):
    """What came is not HTTP, or it ended before its end."""


class Source(Protocol):
    """Where an answer comes from."""

    def more(self) -> None:
        """What has come was read."""

    def close(self) -> None:
        """Nobody wants the rest."""


class Answer:
    """One answer."""

    def __init__(self, source: Source) -> None:
        self.status = 0  # while its head is not there
        self.headers: dict[bytes, bytes] = {}  # names in lower case
        self.is_whole = False
        self.length: int | None = None  # as announced
        self.size = 0  # bytes that are here and were not read
        self.comes_whole = False  # it is read when all of it is here
        self._source = source
        self._pieces: list[bytes] = []
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    # What the connection tells.

    def begins(self, status: int, length: int | None) -> None:
        """The head is there."""
        self.status, self.length = status, length
        fits = (length or 0) <= outside.MOST_ANSWER_BYTES
        self.comes_whole = fits and not self.is_encoded and self.content_type == "application/json"

    def adds(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.size += len(piece)

    def ends(self) -> None:
        """All of it is here."""
        self.is_whole = True

    def fails(self, failure: Exception) -> None:
        """No more will come. What is here is read all the same."""
        if not self.is_whole and self._failure is None:
            self._failure = failure

    def wake(self) -> None:
        """Wakes who reads, if there is something to do."""
        if self._waiter is not None and not self._is_early() and not self._waiter.done():
            self._waiter.set_result(None)

    # What who reads asks for.

    @property
    def content_type(self) -> str:
        return self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")

    @property
    def is_encoded(self) -> bool:
        """Whether it is compressed, or the like."""
        return self.headers.get(b"content-encoding", b"identity").lower() != b"identity"

    async def head(self) -> None:
        """Waits for the head; of a JSON answer for the whole. Raises UnreachedError and BrokenOffError."""
        while self._is_early():
            await self._next()
        if not self.status and self._failure is not None:
            raise self._failure

    async def read(self, most: int) -> bytes | None:
        """The whole of it, None when that is more than `most` bytes. Raises BrokenOffError."""
        while not self.is_whole:
            if self.size > most:
                return None
            if self._failure is not None:
                raise self._failure
            await self._next()
        return self._taken() if self.size <= most else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Its pieces as they come. Raises BrokenOffError, and TimeoutError when none came for too long."""
        while True:
            if self._pieces:
                yield self._taken()
            elif self.is_whole:
                return
            elif self._failure is not None:
                raise self._failure
            else:
                await self._next()

    def close(self) -> None:
        """Nobody reads on: the connection is not used again when something is still to come."""
        if not self.is_whole:
            self._source.close()

    def _is_early(self) -> bool:
        """Whether there is nothing to do yet."""
        if self.is_whole or self._failure is not None:
            return False
        return not self.status or (self.comes_whole and self.size <= outside.MOST_ANSWER_BYTES)

    def _taken(self) -> bytes:
        pieces, self._pieces, self.size = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _next(self) -> None:
        self._source.more()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
