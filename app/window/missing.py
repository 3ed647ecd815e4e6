"""A browser that asks for a page that is none gets a page; programs keep their JSON."""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.door.guard import is_machine


class MissingPage:
    """ASGI middleware. `page` makes the HTML for a path; it takes the place of a 404 that is no page itself."""

    def __init__(self, app: ASGIApp, page: Callable[[str], str]) -> None:
        self.app = app
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _wants_page(scope):
            return await self.app(scope, receive, send)
        is_missing = False

        async def send_or_keep(message: Message) -> None:
            nonlocal is_missing
            if message["type"] == "http.response.start":
                kind = Headers(raw=list(message["headers"])).get("content-type", "")
                is_missing = message["status"] == 404 and not kind.startswith("text/html")
            if not is_missing:
                await send(message)

        await self.app(scope, receive, send_or_keep)
        if is_missing:
            await HTMLResponse(self.page(scope["path"]), 404)(scope, receive, send)
        return None


def _wants_page(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET" or is_machine(scope["path"]):
        return False
    return "text/html" in Headers(scope=scope).get("accept", "")
