"""The line before an endpoint: so many answers at once, so many more that wait, and no more.

A backend that gets everything at once answers nobody in time, and what waits in it can no longer be refused.
"""

import asyncio
from collections import deque

from app.v1.request_bodies import ApiError

MOST_AT_ONCE = 256
MOST_WAITING = 256
WAIT_SECONDS = 30.0
RETRY_SECONDS = 5
FULL = "Too many requests wait for this model. Try again in a few seconds."


class Queue:
    """Of one endpoint. Only the event loop may use it."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def length(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def enter(self) -> bool:
        """Takes a place, which `leave` gives back; says whether it had to wait for it. Raises ApiError (503)."""
        if self.in_flight < MOST_AT_ONCE:
            self.in_flight += 1
            return False
        if len(self._waiting) >= MOST_WAITING:
            raise ApiError(FULL, 503, "model", "endpoint_overloaded", RETRY_SECONDS)
        await self._wait()
        return True

    async def _wait(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await turn
        except BaseException as error:  # raised again: whoever gives up must not keep a place, nor be given one
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():
                self.leave()
            if isinstance(error, TimeoutError):
                raise ApiError(FULL, 503, "model", "endpoint_overloaded", RETRY_SECONDS) from error
            raise

    def leave(self) -> None:
        """Gives a place back: to the first who waits, if any."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)  # the place goes on as it is
                return
        self.in_flight -= 1
