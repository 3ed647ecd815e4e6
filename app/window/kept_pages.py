"""The window's pages, each made by Gradio once for every address that the studio is opened by.

For every request Gradio copies a page's whole settings and walks through them twice: over two milliseconds of
processor time, though a page is the same for everybody, as what is a person's own comes afterwards, by fetch. Kept
whole, with our head in it, and compressed as most browsers ask for it. Lives as long as the studio.
"""

import gzip
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import Message, Scope, Send

MOST = 32  # some 50 kB each; more than pages only where the studio is opened by several addresses
# What Gradio makes of a request: the address that links begin with, and these two of the query.
ADDRESS_HEADERS = ("host", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server")
GRADIOS_QUERY = frozenset({"deep_link", "all_endpoints"})
COMPRESSION = 5

Key = tuple[str | None, ...]


@dataclass(frozen=True)
class KeptPage:
    """A page as it is sent."""

    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    compressed: bytes

    async def send(self, send: Send, accepts_gzip: bool) -> None:
        body = self.compressed if accepts_gzip else self.body
        headers = [*self.headers, (b"content-length", str(len(body)).encode()), (b"vary", b"Accept-Encoding")]
        headers += [(b"content-encoding", b"gzip")] if accepts_gzip else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@dataclass
class KeptPages:
    """`paths`: of the pages that may be kept; nothing is kept where there are none."""

    paths: frozenset[str] = frozenset()
    _pages: "OrderedDict[Key, KeptPage]" = field(default_factory=OrderedDict)

    def key(self, scope: Scope) -> Key | None:
        """What the page of this request depends on; None when it is not one to keep."""
        headers = Headers(scope=scope)
        if scope["path"] not in self.paths or "origin" in headers:
            return None
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        if any(name in GRADIOS_QUERY for name, _ in query):
            return None
        address = (headers.get(name) for name in ADDRESS_HEADERS)
        return (scope["path"], scope.get("scheme"), scope.get("root_path"), *address)

    def get(self, key: Key | None) -> KeptPage | None:
        page = self._pages.get(key) if key else None
        if key and page:
            self._pages.move_to_end(key)
        return page

    def keep(self, key: Key | None, start: Message, body: bytes) -> None:
        """Keeps an answer that is a whole page and nobody's own."""
        names = {name.lower() for name, _ in start["headers"]}
        if key is None or start["status"] != 200 or names & {b"set-cookie", b"content-encoding"}:
            return
        own = (b"content-length", b"vary")  # said anew for each way it is sent
        headers = [(name, value) for name, value in start["headers"] if name.lower() not in own]
        self._pages[key] = KeptPage(headers, body, gzip.compress(body, COMPRESSION, mtime=0))
        while len(self._pages) > MOST:
            self._pages.popitem(last=False)
