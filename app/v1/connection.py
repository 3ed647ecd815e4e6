"""One connection to a backend, over which one question is asked at a time. HTTP/1.1, read by httptools as uvicorn does.

aiohttp's client did this. It took a fifth of the processor time that the gateway spends on a request: two tasks and a
dozen objects for each. Here a question is one write, and an answer that is short wakes one task once.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from app.v1.answers import PAUSE_BYTES, Answer, BrokenOffError, UnreachedError

MOST_HEAD_BYTES = 64 << 10


class Connection(asyncio.Protocol):
    """Stays open between two questions. `is_free` is called when an answer has come whole and another may be asked."""

    def __init__(self, is_free: Callable[["Connection"], None]) -> None:
        self.free_since = 0.0
        self._is_free = is_free
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._bytes = self._header_bytes = 0  # of what came before the end of the head, and of its headers
        self._is_interim = self._stays = self._is_paused = False
        self._quiet_seconds: float | None = None
        self._heard = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, question: bytes, quiet_seconds: float | None) -> Answer:
        """Sends a question. With `quiet_seconds` the answer fails when nothing was heard for so long."""
        assert self._transport is not None  # noqa: S101  (made by a transport)
        self._answer = answer = Answer(self)
        self._bytes = self._header_bytes = 0
        self._stays = False
        self._quiet_seconds = quiet_seconds
        if quiet_seconds is not None:
            self._heard = self._loop.time()
            self._timer = self._loop.call_later(quiet_seconds, self._listen)
        self._transport.write(question)
        return answer

    def close(self) -> None:
        """Ends it, and whatever is being answered."""
        self._over()
        if self._transport is not None:
            self._transport.abort()

    def more(self) -> None:
        """Reads on, after what has come was read."""
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:  # nobody has asked
            self.close()
            return
        self._heard = self._loop.time() if self._timer is not None else 0.0
        if not answer.status:
            self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(BrokenOffError(str(error)))
            return
        if not answer.status and self._bytes > MOST_HEAD_BYTES:
            self._fail(BrokenOffError("its head does not end"))
        elif answer.is_whole:
            self._finish(answer)
        else:
            answer.wake()
            self._pause_for(answer)

    def connection_lost(self, error: Exception | None) -> None:
        answer = self._answer
        if answer is None:
            return
        if error is None and answer.status and not _is_framed(answer):
            answer.ends()  # its end is the end of the connection
        elif answer.status or self._bytes:
            answer.fails(BrokenOffError("it ended before its end"))
        else:
            answer.fails(UnreachedError("it was closed"))
        self._over()
        answer.wake()

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.is_whole:
            raise ValueError("more than was asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        answer = self._answer
        if answer is not None and not answer.status:
            self._header_bytes += len(name) + len(value)
            if self._header_bytes > MOST_HEAD_BYTES:
                raise ValueError("its head does not end")
            answer.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        answer, status = self._answer, self._parser.get_status_code()
        if answer is None:
            return
        self._is_interim = 100 <= status < 200
        if self._is_interim:
            answer.headers.clear()
            return
        coding = answer.headers.get(b"transfer-encoding", b"chunked").lower().strip()
        if coding != b"chunked":
            raise ValueError("it is encoded in a way that was not asked for")
        length = answer.headers.get(b"content-length", b"")
        answer.begins(status, int(length) if length.isdigit() else None)

    def on_body(self, piece: bytes) -> None:
        if self._answer is not None:
            self._answer.adds(piece)

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._is_interim:
            self._stays = self._parser.should_keep_alive()
            self._answer.ends()

    def _finish(self, answer: Answer) -> None:
        self._over()
        if self._stays:
            self.more()
            self._is_free(self)
        else:
            self.close()
        answer.wake()

    def _fail(self, failure: Exception) -> None:
        answer = self._answer
        self.close()
        if answer is not None:
            answer.fails(failure)
            answer.wake()

    def _over(self) -> None:
        """Nothing is being answered any more."""
        self._answer = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _listen(self) -> None:
        """Fails when nothing was heard for too long; not while nobody reads."""
        assert self._quiet_seconds is not None  # noqa: S101  (the timer runs)
        now = self._loop.time()
        left = self._quiet_seconds if self._is_paused else self._heard + self._quiet_seconds - now
        if left > 0:
            self._timer = self._loop.call_later(left, self._listen)
        else:
            self._fail(TimeoutError())

    def _pause_for(self, answer: Answer) -> None:
        if answer.size > PAUSE_BYTES and not answer.comes_whole and not self._is_paused and self.is_open:
            assert self._transport is not None  # noqa: S101  (is_open)
            self._is_paused = True
            self._transport.pause_reading()


def _is_framed(answer: Answer) -> bool:
    """Whether its end is said in other ways than by the end of the connection."""
    return answer.length is not None or b"transfer-encoding" in answer.headers
