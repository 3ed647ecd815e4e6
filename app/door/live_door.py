"""The door for live links: a path below /live/ opens by the token in it, for looking, and by nothing else.

Everything that such a page asks for stands in `_PATH`; there is no other way behind this door. Each address has so many
requests a minute. On a Space everybody comes by one proxy, and through the tunnel by one port, so those have more.
"""

import re
import threading
import time
from collections import OrderedDict

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Scope

from app.answers.errors import KINDS, error_body
from app.door import addresses
from app.door.access import Access
from engine.accounts import live_links

PREFIX = "/live/"
METHODS = ("GET", "HEAD")
A_MINUTE, A_MINUTE_TOGETHER = 240, 2400
WINDOW_SECONDS = 60.0
MOST_ADDRESSES = 10_000
PARTS: dict[live_links.Kind, tuple[str, ...]] = {
    "run": ("/state", "/charts", "/answers", "/metrics"),
    "chat": ("/conversation",),
}
_PARTS = tuple(part for parts in PARTS.values() for part in parts)
_PATH = re.compile(rf"/live/([\w.-]{{1,200}})({'|'.join(_PARTS)})?", re.ASCII)


def is_live(scope: Scope) -> bool:
    return scope["type"] == "http" and str(scope["path"]).startswith(PREFIX)


class LiveDoor:
    """Remembers, in memory, how often each address has asked in the minute that is on."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, tuple[float, int]] = OrderedDict()  # address: when its minute began, how often
        self._lock = threading.Lock()

    async def enter(self, scope: Scope, access: Access, shared: bool) -> Response | None:
        """Lets a request in, with the run or the chat it may see in its state, or says why not.

        It is counted before anybody knows whether its token is good.
        """
        together = shared or (access.embedded and not access.trust_proxy)
        if wait := self._wait(addresses.of(scope, access, shared), A_MINUTE_TOGETHER if together else A_MINUTE):
            headers = {"retry-after": str(int(wait) + 1)}
            return PlainTextResponse("Too many requests. Wait a moment.", 429, headers)
        fits = _PATH.fullmatch(scope["path"])
        opened = await run_in_threadpool(live_links.opened_by, fits[1]) if fits else None
        if opened is None or (fits and fits[2] and fits[2] not in PARTS[opened.kind]):
            return _log_in(scope)
        if scope["method"] not in METHODS:
            return _error(scope, 405, "A live link is for looking, not for changing.", "", {"allow": "GET, HEAD"})
        scope.setdefault("state", {}).update(role="viewer", shared=shared, key=None, opened=opened)
        return None

    def _wait(self, address: str, most: int) -> float:
        now = time.monotonic()
        with self._lock:
            began, count = self._asked.get(address, (now, 0))
            if now - began >= WINDOW_SECONDS:
                began, count = now, 0
            self._asked[address] = (began, count + 1)
            self._asked.move_to_end(address)
            if len(self._asked) > MOST_ADDRESSES:
                self._asked.popitem(last=False)
        return began + WINDOW_SECONDS - now if count >= most else 0.0


def _log_in(scope: Scope) -> Response:
    """The login page for a person, who is told nothing of why; the words for a page whose link has ended meanwhile."""
    wants_page = scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")
    if wants_page and not scope["path"].endswith(_PARTS):
        return RedirectResponse("/login", 303)
    return _error(scope, 401, "This link opens nothing.", "Ask for a new one.", {"www-authenticate": "Bearer"})


def _error(scope: Scope, status: int, message: str, hint: str, headers: dict[str, str]) -> Response:
    body = error_body(scope["path"], KINDS[status], message, hint)
    return Response(body, status, headers, media_type="application/json")
