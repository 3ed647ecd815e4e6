"""Work for a client that may hang up before it is done."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Receive = Callable[[], Awaitable[Mapping[str, Any]]]  # of an ASGI request

UNWATCHED_SECONDS = 0.02  # work that is done sooner is not worth a task beside it


class HungUpError(Exception):
    """The client has gone, and the work was cancelled."""


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Raises HungUpError, with the work cancelled, when the client goes away before."""
    watch = _Watch(receive)
    try:
        result = await work
    except asyncio.CancelledError:
        if watch.end():
            raise HungUpError from None
        raise
    except BaseException:
        watch.end()
        raise
    watch.end()
    return result


class _Watch:
    """Cancels the task in which it was made when the client goes away, as asyncio.timeout does when time is up."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (the loop runs)
        self._task = task
        self._cancelling = task.cancelling()
        self._has_gone = False
        self._watcher: asyncio.Task[None] | None = None
        self._begin = self._loop.call_later(UNWATCHED_SECONDS, self._start)

    def _start(self) -> None:
        self._watcher = self._loop.create_task(self._disconnected())

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._has_gone = True
        self._task.cancel()

    def end(self) -> bool:
        """Whether nothing but the client's leave has cancelled the task."""
        self._begin.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        return self._has_gone and self._task.uncancel() <= self._cancelling
