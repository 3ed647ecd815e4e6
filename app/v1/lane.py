"""A short way for the calls that are made most: past FastAPI's routes, dependencies and stacks to the gateway itself.

FastAPI took more than a third of the processor time of a request to /v1. The routes of app.v1.gateway say the same to
OpenAPI, and answer where this does not stand in front of them.
"""

from dataclasses import dataclass

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.v1 import gateway


@dataclass(frozen=True)
class Call:
    """Stands in the scope where the access log looks for the route."""

    path: str
    route: str


ROUTES = ("chat/completions", "completions", "embeddings", "responses", "score")
CALLS = {f"/v1/{route}": Call(f"/v1/{route}", route) for route in ROUTES}


class Lane:
    """ASGI middleware, inside of guard and access log alone.

    So answers of the gateway are not compressed: that took half a second of everybody's time for a long list of
    embeddings, and no time of the network's worth naming for a short answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = CALLS.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if call is None or scope.get("root_path"):
            return await self._app(scope, receive, send)
        scope["route"] = call
        response = await gateway.pass_on(Request(scope, receive, send), call.route)
        return await response(scope, receive, send)
