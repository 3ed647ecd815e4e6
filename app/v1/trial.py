"""How requests end while a new version of an endpoint is on trial: told to who counts it."""

import time
from collections.abc import AsyncIterator

from fastapi import Request

from app.v1.request_bodies import ApiError
from engine.serve.disconnects import HungUpError, while_connected
from engine.serve.rollout import canary
from engine.serve.routing import Upstream
from engine.serve.waking import waiting

CLIENT_GONE = 499
_ERROR_EVENT = b'\n\ndata: {"error"'  # a line end never stands inside JSON, so this is the start of an event


async def until_ready(request: Request, model: str) -> None:
    """Waits for an endpoint that wakes up or is being replaced. Raises ApiError when the client goes meanwhile."""
    if not waiting.is_held(model):
        return
    try:
        await while_connected(request.receive, waiting.until_ready(model))
    except HungUpError as error:
        raise ApiError("The client has gone.", CLIENT_GONE) from error


def ended(upstream: Upstream, status: int, began: float) -> None:
    """An answer that was read whole. What the client did wrong counts for neither side."""
    if canary.is_on(upstream.endpoint_id) and not 400 <= status < 500:
        failed = status >= 500
        canary.report(upstream.endpoint_id, upstream.backend_id, failed, ("whole", time.perf_counter() - began))


def failed(upstream: Upstream, error: BaseException) -> None:
    """No answer came. A client that has gone says nothing about the backend."""
    if isinstance(error, ApiError) and error.status >= 500:
        canary.report(upstream.endpoint_id, upstream.backend_id, True)


def watched(upstream: Upstream, began: float, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same stream, with an eye on its first piece and on its end."""
    return _watched(upstream, began, chunks) if canary.is_on(upstream.endpoint_id) else chunks


async def _watched(upstream: Upstream, began: float, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A client that leaves closes this in the middle: then nothing is said."""
    first: float | None = None
    has_error, end = False, b"\n\n"
    async for chunk in chunks:
        if first is None:
            first = time.perf_counter() - began
        end += chunk
        has_error = has_error or _ERROR_EVENT in end
        end = end[-len(_ERROR_EVENT) :]
        yield chunk
    is_bad = has_error or first is None
    canary.report(upstream.endpoint_id, upstream.backend_id, is_bad, None if first is None else ("stream", first))
