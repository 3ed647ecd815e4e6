"""How the server speaks HTTP: it waits only so long for the head of a request, and answers in one packet where it can.

Whoever sends a head a byte at a time would hold a connection.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0
ALONE_SECONDS = 0.005  # after so long the head of an answer leaves without its body


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which closes a connection whose next request's head is not there in time.

    Between two requests uvicorn's own `timeout_keep_alive` counts. A body may take as long as it takes: uploads do.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before and self.scope["method"] != "HEAD":
            self.cycle.transport = cast("asyncio.Transport", OnePacket(self.transport, self.loop))

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class OnePacket:
    """Where one answer is written to: its head leaves with what follows within milliseconds, or alone.

    uvicorn writes them one after the other. Two packets are two calls of the system on both sides, and the client wakes
    up twice, which takes longer than most of what the studio does for a request.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head: bytes | None = None
        self._alone: asyncio.TimerHandle | None = None
        self._has_begun = False
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if not self._has_begun:
            self._has_begun, self._head = True, data
            self._alone = self._loop.call_later(ALONE_SECONDS, self.flush)
        elif self._head is not None and self._alone is not None:
            self._alone.cancel()
            data, self._head = self._head + data, None
            self._transport.write(data)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Sends the head now, if it is still here."""
        if self._head is not None and not self.is_closing():
            data, self._head = self._head, None
            self._transport.write(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()
