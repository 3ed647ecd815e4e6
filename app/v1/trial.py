"""How requests end while a new version of an endpoint is on trial: told to who counts it."""

from fastapi import Request

from app.v1.request_bodies import CLIENT_GONE, ApiError
from engine.serve.disconnects import HungUpError, while_connected
from engine.serve.rollout import canary
from engine.serve.routing import Upstream
from engine.serve.waking import waiting


async def until_ready(request: Request, model: str) -> None:
    """Waits for an endpoint that wakes up or is being replaced. Raises ApiError when the client goes meanwhile."""
    if not waiting.is_held(model):
        return
    try:
        await while_connected(request.receive, waiting.until_ready(model))
    except HungUpError as error:
        raise ApiError("The client has gone.", CLIENT_GONE) from error


def ended(upstream: Upstream, status: int, took: tuple[canary.Kind, float] | None) -> None:
    """How a request ended: seconds to the first word of a stream, or to the whole of another answer.

    What the client did wrong, and that it has gone, counts for neither side.
    """
    if canary.is_on(upstream.endpoint_id) and not 400 <= status < 500:
        canary.report(upstream.endpoint_id, upstream.backend_id, status >= 500, took)
