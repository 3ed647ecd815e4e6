"""Requests that wait for an endpoint: one that wakes up, or whose new version takes the place of the old one.

Each waits at most WAIT_SECONDS, and at most MOST_WAITING wait for one endpoint; the others are told to come again.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import anyio.to_thread

from engine.errors import TunesmithError
from engine.serve import routing
from engine.serve.routing import NotReadyError
from engine.serve.waking import sleeping
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint

WAIT_SECONDS = 300  # vLLM on two busy cores took 57 to 224 seconds to start
MOST_WAITING = 500
LOOK_SECONDS = 0.2
FULL_RETRY_SECONDS = 10


class _Queue:
    """How many requests wait, by endpoint. For all threads."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, endpoint: Endpoint) -> Iterator[None]:
        """A place in the line. Raises NotReadyError when there is none."""
        with self._lock:
            if self._waiting[endpoint.id] >= MOST_WAITING:
                message = f"{MOST_WAITING} requests wait for endpoint `{endpoint.name}` already."
                raise NotReadyError(message, "Try again in a few seconds.", FULL_RETRY_SECONDS)
            self._waiting[endpoint.id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waiting[endpoint.id] -= 1
                if not self._waiting[endpoint.id]:
                    del self._waiting[endpoint.id]

    def length(self, endpoint_id: str) -> int:
        return self._waiting.get(endpoint_id, 0)


_queue = _Queue()


def waiting(endpoint_id: str) -> int:
    """How many requests wait for an endpoint in this process."""
    return _queue.length(endpoint_id)


def is_held(model: str) -> bool:
    """Whether requests for a name wait now."""
    return not routing.answers(model) and _held(model) is not None


async def until_ready(model: str) -> None:
    """Waits while the endpoint of a name is about to answer, and wakes it where it sleeps.

    Returns at once for every other one, also for a name that is none; and after WAIT_SECONDS. Whether it answers then
    is for `routing.upstream` to say. Raises NotReadyError when too many wait already.
    """
    if (endpoint := _held(model)) is None:
        return
    deadline = time.monotonic() + WAIT_SECONDS
    with _queue.place(endpoint):
        while (held := _held(model)) is not None and time.monotonic() < deadline:
            if held.asleep_at is not None:
                await anyio.to_thread.run_sync(_wake, held.id)
            await asyncio.sleep(LOOK_SECONDS)
            if routing.stale():
                await anyio.to_thread.run_sync(routing.refresh)


def wait(model: str) -> None:
    """The same for a thread."""
    if (endpoint := _held(model)) is None:
        return
    deadline = time.monotonic() + WAIT_SECONDS
    with _queue.place(endpoint):
        while (held := _held(model)) is not None and time.monotonic() < deadline:
            if held.asleep_at is not None:
                _wake(held.id)
            time.sleep(LOOK_SECONDS)


def _wake(endpoint_id: str) -> None:
    """Wakes an endpoint. One that was stopped or deleted meanwhile is not: the next look says so."""
    try:
        sleeping.wake(endpoint_id)
    except TunesmithError:
        routing.forget()


def _held(model: str) -> Endpoint | None:
    """The endpoint of a name, if requests for it are to wait now."""
    route = routing.route(model)
    return route[0] if route is not None and _is_held(*route) else None


def _is_held(endpoint: Endpoint, backend: Backend) -> bool:
    if backend.status in (EndpointStatus.READY, EndpointStatus.FAILED):
        return False
    return endpoint.asleep_at is not None or endpoint.waits_since is not None
