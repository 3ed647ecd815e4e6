"""One structured line for each request worth one, and its time for monitoring. Never a token, as a query may hold.

Answers of /v1 have a log of their own (engine.accounts.request_log), so only what goes wrong there is told here: the
line took more time than everything else that the studio does for a request but passing it on.
"""

import logging
import time
from functools import lru_cache

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import metrics

logger = logging.getLogger("tunesmith.access")

SLOW_SECONDS = 1.0


class AccessLog:
    """ASGI middleware. Reads that work are logged at DEBUG only: live pages ask every second."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        status, began = 500, time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        metrics.open_requests.inc()
        try:
            await self.app(scope, receive, send_and_note)
        finally:
            metrics.open_requests.dec()
            _record(scope, status, time.perf_counter() - began)
        return None


def _record(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in ("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD") else "other"
    _times(method, route_of(scope), status).observe(seconds)
    quiet = status < 400 and (scope["path"].startswith("/v1/") or (method == "GET" and seconds < SLOW_SECONDS))
    level = logging.DEBUG if quiet else logging.INFO
    if logger.isEnabledFor(level):
        facts = {"method": method, "status": status, "milliseconds": round(seconds * 1000, 1)}
        logger.log(level, "%s %.500s %d", method, _shown(scope["path"]), status, extra={"facts": facts})


def _shown(path: str) -> str:
    """The path, without the token of a live link."""
    return "/live/..." if path.startswith("/live/") else path


@lru_cache(maxsize=4096)
def _times(method: str, route: str, status: int) -> Histogram:
    """Where they are counted, looked up once: a look-up by labels takes longer than counting."""
    return metrics.requests.labels(method, route, str(status))


def route_of(scope: Scope) -> str:
    """The route's pattern, never the path itself: ids would make a series each."""
    path = getattr(scope.get("route"), "path", None)
    if path and scope["path"].startswith(("/api/", "/v1/", "/metrics", "/login", "/logout")):
        return f"/api{path}" if scope["path"].startswith("/api/") and not path.startswith("/api") else str(path)
    first = scope["path"].split("/", 2)[1]
    prefixes = ("fragments", "gradio_api", "static-tunesmith", "static-bokeh", "assets", "static")
    return f"/{first}" if first in prefixes else "window"
