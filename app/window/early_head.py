"""Puts our few bytes first into every page's <head>.

Gradio adds `head=` by JavaScript after the page has started, so the page would first show in the wrong colours. Pages
that are the same for everybody are kept (app.window.kept_pages).
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.window.kept_pages import KeptPages, Key

# Browsers ask for it without a cookie unless they are told to bring one, and the door refuses that on every page.
MANIFEST, WITH_COOKIE = b'<link rel="manifest" ', b'crossorigin="use-credentials" '


class EarlyHead:
    """ASGI middleware. Holds a page back until it is whole; everything that is not a page passes through."""

    def __init__(self, app: ASGIApp, head: bytes, skip: tuple[str, ...] = (), kept: KeptPages | None = None) -> None:
        self.app = app
        self.head = head
        self.skip = skip  # pages that are complete without it
        self.kept = kept or KeptPages()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith(self.skip):
            return await self.app(scope, receive, send)
        key = self.kept.key(scope)
        if page := self.kept.get(key):
            return await page.send(send, "gzip" in Headers(scope=scope).get("accept-encoding", ""))
        await self.app(scope, receive, _Page(send, self, key).send)
        return None


class _Page:
    """One answer on its way out."""

    def __init__(self, send: Send, middleware: EarlyHead, key: Key | None) -> None:
        self._send = send
        self._middleware = middleware
        self._key = key
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
        body = self._body.replace(b"<head>", b"<head>" + self._middleware.head, 1)
        body = body.replace(MANIFEST, MANIFEST + WITH_COOKIE, 1)
        MutableHeaders(scope=start)["content-length"] = str(len(body))
        self._middleware.kept.keep(self._key, start, body)
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _is_page(message: Message) -> bool:
    return Headers(raw=list(message["headers"])).get("content-type", "").startswith("text/html")
