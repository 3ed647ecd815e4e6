"""Puts our few bytes first into every page's <head>.

Gradio adds `head=` by JavaScript after the page has started, so the page would first show in the wrong colours.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EarlyHead:
    """ASGI middleware. Holds a page back until it is whole; everything that is not a page passes through."""

    def __init__(self, app: ASGIApp, head: bytes, skip: tuple[str, ...] = ()) -> None:
        self.app = app
        self.head = head
        self.skip = skip  # pages that are complete without it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith(self.skip):
            return await self.app(scope, receive, send)
        await self.app(scope, receive, _Page(send, self.head).send)
        return None


class _Page:
    """One answer on its way out."""

    def __init__(self, send: Send, head: bytes) -> None:
        self._send = send
        self._head = head
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        body = self._body.replace(b"<head>", b"<head>" + self._head, 1)
        MutableHeaders(scope=start)["content-length"] = str(len(body))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _is_page(message: Message) -> bool:
    return Headers(raw=list(message["headers"])).get("content-type", "").startswith("text/html")
