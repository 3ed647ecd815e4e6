"""One request on its way from a client to a backend and back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import orjson
from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.v1 import traffic
from app.v1.request_bodies import ApiError, Body
from engine.serve import probe, routing
from engine.serve.disconnects import HungUpError, while_connected
from engine.serve.routing import Upstream

CONNECT_SECONDS = 5
IDLE_SECONDS = 30  # an unused connection is kept so long; the backend keeps it longer
CLIENT_GONE = 499  # nginx's word for it; nobody is there to read it
BROKEN = "The backend broke off while it answered. Try again."

_sessions: dict[tuple[asyncio.AbstractEventLoop, str], aiohttp.ClientSession] = {}


class Passing:
    """Carries a request to its backend and the answer back, and lets go of both however it ends."""

    def __init__(self, request: Request, route: str, body: Body, began: float) -> None:
        self._request, self._route, self._body, self._began = request, route, body, began
        self._upstream = routing.upstream(body.model)

    async def answer(self) -> Response:
        """The backend's answer. Raises ApiError, or routing's errors when nothing answers."""
        traffic.IN_FLIGHT.inc()
        try:
            answer, content = await self._fetched()
        except BaseException:  # raised again: a cancelled request too must be counted out
            self._finished()
            raise
        traffic.FIRST_BYTE_SECONDS.labels(self._route).observe(time.perf_counter() - self._began)
        if content is None:
            return self._stream(answer)
        self._finished()
        return self._whole(answer, content)

    async def _fetched(self) -> tuple[aiohttp.ClientResponse, bytes | None]:
        try:
            return await while_connected(self._request.receive, self._fetch())
        except HungUpError as error:
            raise ApiError("The client has gone.", CLIENT_GONE) from error

    async def _fetch(self) -> tuple[aiohttp.ClientResponse, bytes | None]:
        """The backend's answer with its content, or with None when it is a stream still to be read."""
        answer = await self._connect()
        if answer.content_type == "text/event-stream":
            return answer, None
        try:
            return answer, await answer.read()
        except aiohttp.ClientError as error:
            raise ApiError(BROKEN, 502) from error
        finally:
            answer.close()  # a connection whose answer was read whole has gone back to the pool already

    async def _connect(self) -> aiohttp.ClientResponse:
        """The head of the backend's answer. A backend that has just been replaced or restarted is looked up again."""
        try:
            return await self._send(self._upstream)
        except (aiohttp.ClientConnectionError, TimeoutError):
            routing.forget()
            self._upstream = routing.upstream(self._body.model)
        try:
            return await self._send(self._upstream)
        except (aiohttp.ClientConnectionError, TimeoutError) as error:
            text = f"The backend of `{self._body.model}` does not answer. Try again in a few seconds."
            raise ApiError(text, 503, "model", "model_not_ready", routing.RETRY_SECONDS) from error

    async def _send(self, upstream: Upstream) -> aiohttp.ClientResponse:
        """Only the body goes on: of the client's headers, its key and cookies above all, the backend sees nothing."""
        outside = not upstream.address.startswith(probe.UNIX)
        base = upstream.address if outside else probe.LOCAL_BASE
        headers = {"content-type": "application/json", **(probe.key_headers(upstream.key_env) if outside else {})}
        body = self._body.renamed(upstream.model)
        session = _session(upstream.address)
        return await session.post(f"{base}/{self._route}", data=body, headers=headers, allow_redirects=False)

    def _whole(self, answer: aiohttp.ClientResponse, content: bytes) -> Response:
        if answer.content_type != "application/json":
            raise ApiError(f"The backend answered {answer.status} without JSON.", 502)
        traffic.REQUESTS.labels(self._route, str(answer.status)).inc()
        if self._upstream.model != self._body.model and answer.status == 200:
            content = _named(content, self._body.model)
        return Response(content, answer.status, media_type="application/json")

    def _stream(self, answer: aiohttp.ClientResponse) -> Response:
        traffic.REQUESTS.labels(self._route, str(answer.status)).inc()

        def end() -> None:
            answer.close()
            self._finished()

        return Stream(self._chunks(answer), answer.status, end)

    async def _chunks(self, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        renamed = self._upstream.model != self._body.model
        try:
            async for chunk in _lines(answer, self._body.model) if renamed else answer.content.iter_any():
                yield chunk
        except aiohttp.ClientError:  # it died, or was killed, in the middle: say so in the stream's own words
            yield b"data: " + ApiError(BROKEN, 502).body() + b"\n\n"

    def _finished(self) -> None:
        traffic.IN_FLIGHT.dec()
        traffic.SECONDS.labels(self._route).observe(time.perf_counter() - self._began)


class Stream(StreamingResponse):
    """Server-sent events, and `end()` when they are over: also when the client left before the first."""

    def __init__(self, chunks: AsyncIterator[bytes], status: int, end: Callable[[], None]) -> None:
        headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        super().__init__(chunks, status, headers, "text/event-stream")
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._end()


def _named(content: bytes, model: str) -> bytes:
    """An outside server's answer, under the name the client knows."""
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ApiError("The backend's answer is not JSON.", 502) from error
    return orjson.dumps({**answer, "model": model}) if isinstance(answer, dict) else content


async def _lines(answer: aiohttp.ClientResponse, model: str) -> AsyncIterator[bytes]:
    async for line in answer.content:
        yield b"data: " + _named(line[6:], model) + b"\n" if line.startswith(b"data: {") else line


def _session(address: str) -> aiohttp.ClientSession:
    """The connections to one backend, kept open between requests; idle ones close by themselves."""
    key = (asyncio.get_running_loop(), address)
    if key not in _sessions:
        _sessions[key] = _open_session(address)
    return _sessions[key]


def _open_session(address: str) -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
    if address.startswith(probe.UNIX):
        path = address.removeprefix(probe.UNIX)
        connector: aiohttp.BaseConnector = aiohttp.UnixConnector(path, limit=0, keepalive_timeout=IDLE_SECONDS)
    else:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())


async def close_sessions() -> None:
    """Closes this event loop's connections to every backend. Called when the app ends."""
    loop = asyncio.get_running_loop()
    for key in [key for key in _sessions if key[0] is loop]:
        await _sessions.pop(key).close()
