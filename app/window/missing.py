"""A browser that asks for a page that is none gets a page; programs keep their JSON."""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class MissingPage:
    """ASGI middleware. `page` makes the HTML for a path; it takes the place of a 404 that is no page itself.

    `is_machine` says of a path that programs alone ask for it, whatever they say they accept.
    """

    def __init__(self, app: ASGIApp, page: Callable[[str], str], is_machine: Callable[[str], bool]) -> None:
        self.app = app
        self.page = page
        self.is_machine = is_machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _wants_page(scope) or self.is_machine(scope["path"]):
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
    return (
        scope["type"] == "http" and scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")
    )
