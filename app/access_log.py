"""One structured line for each request worth one, and its time for monitoring. Never the query: it may hold a token."""

import logging
import time

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
    metrics.requests.labels(method, route_of(scope), str(status)).observe(seconds)
    quiet = method == "GET" and status < 400 and seconds < SLOW_SECONDS
    level = logging.DEBUG if quiet else logging.INFO
    if logger.isEnabledFor(level):
        facts = {"method": method, "status": status, "milliseconds": round(seconds * 1000, 1)}
        logger.log(level, "%s %.500s %d", method, scope["path"], status, extra={"facts": facts})


def route_of(scope: Scope) -> str:
    """The route's pattern, never the path itself: ids would make a series each."""
    path = getattr(scope.get("route"), "path", None)
    if path and scope["path"].startswith(("/api/", "/v1/", "/metrics", "/login", "/logout")):
        return f"/api{path}" if scope["path"].startswith("/api/") and not path.startswith("/api") else str(path)
    first = scope["path"].split("/", 2)[1]
    prefixes = ("fragments", "gradio_api", "static-tunesmith", "static-bokeh", "assets", "static")
    return f"/{first}" if first in prefixes else "window"
