"""Server-Sent Events from work that blocks: each stream has a thread of its own, so that no other answer waits for it.

A stream that was told to its end closes with the event `end`. Whatever ends without it was torn.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Generator
from typing import Any

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.answers.errors import KINDS
from engine.errors import BusyError, TunesmithError

logger = logging.getLogger("tunesmith.app")

MOST_AT_ONCE = 16
QUIET_SECONDS = 15  # then a line of comment is sent: proxies end connections on which nothing comes
MEDIA_TYPE = "text/event-stream"
_places = threading.BoundedSemaphore(MOST_AT_ONCE)

Events = Generator[tuple[str, Any]]  # the name of each event, and what is told with it


def begin(events: Events) -> "EventStream":
    """An answer with these events. What is raised before the first of them is an error like any other.

    Raises BusyError when too many such answers are under way.
    """
    if not _places.acquire(blocking=False):
        raise BusyError(f"{MOST_AT_ONCE} such answers are under way.", "Try again when one of them has ended.")
    try:
        first = next(events)
    except BaseException:
        _places.release()
        raise
    return EventStream(first, events)


def problem(error: TunesmithError) -> dict[str, str]:
    """An error as an event tells it: the same words as an answer of its status."""
    words = {"type": KINDS.get(error.status, "error"), "message": error.message, "hint": error.hint}
    return {name: text.encode("utf-8", "replace").decode() for name, text in words.items()}


class EventStream(StreamingResponse):
    """Holds one of the places until its work has ended, also when the client goes away before."""

    def __init__(self, first: tuple[str, Any], events: Events) -> None:
        self._first, self._events = first, events
        self._stop = threading.Event()
        self._told: asyncio.Queue[bytes | None] = asyncio.Queue()
        super().__init__(self._chunks(), media_type=MEDIA_TYPE, headers={"cache-control": "no-store"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._work, args=(loop,), name="events", daemon=True).start()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stop.set()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            try:
                chunk = await asyncio.wait_for(self._told.get(), QUIET_SECONDS)
            except TimeoutError:
                chunk = b": still at work\n\n"
            if chunk is None:
                return
            yield chunk

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        def tell(chunk: bytes | None) -> None:
            loop.call_soon_threadsafe(self._told.put_nowait, chunk)

        try:
            tell(_written(*self._first))
            for name, facts in self._events:
                if self._stop.is_set():
                    return
                tell(_written(name, facts))
            tell(_written("end", {}))
        except TunesmithError as error:
            tell(_written("error", problem(error)))
        except Exception as error:
            logger.error("a stream of events failed", exc_info=error)
            words = TunesmithError("Something went wrong inside the studio.", "Its log has the details.")
            tell(_written("error", {**problem(words), "type": "internal_error"}))
        finally:
            self._events.close()
            _places.release()
            tell(None)


def _written(name: str, facts: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(facts) + b"\n\n"
