"""One request on its way from a client to a backend and back."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.v1 import connections, traffic, trial, upstream_answers
from app.v1.request_bodies import ApiError, Body
from engine.serve import outside, probe, routing
from engine.serve.disconnects import HungUpError, while_connected
from engine.serve.rollout import canary
from engine.serve.routing import Upstream

WHOLE_SECONDS = 600  # an outside server has so long for an answer that is not streamed, as OpenAI's own client gives it
SILENT_SECONDS = 300  # and so long between two words of a stream: Ollama may have to load the model first
CLIENT_GONE = 499  # nginx's word for it; nobody is there to read it
UNREACHED = (aiohttp.ClientOSError, aiohttp.ConnectionTimeoutError, aiohttp.ServerDisconnectedError)


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
        except BaseException as error:  # raised again: a cancelled request too must be counted out
            trial.failed(self._upstream, error)
            self._finished()
            raise
        traffic.FIRST_BYTE_SECONDS.labels(self._route).observe(time.perf_counter() - self._began)
        if content is None:
            return self._stream(answer)
        trial.ended(self._upstream, answer.status, self._began)
        self._finished()
        return self._whole(answer, content)

    async def _fetched(self) -> tuple[aiohttp.ClientResponse, bytes | None]:
        try:
            return await while_connected(self._request.receive, self._fetch())
        except HungUpError as error:
            raise ApiError("The client has gone.", CLIENT_GONE) from error

    async def _fetch(self) -> tuple[aiohttp.ClientResponse, bytes | None]:
        """The backend's answer with its content, or with None when it is a stream still to be read."""
        is_outside = connections.is_outside(self._upstream.address)
        try:
            async with asyncio.timeout(WHOLE_SECONDS if is_outside else None):
                return await self._read(await self._connect())
        except TimeoutError as error:
            raise ApiError(f"The backend of `{self._body.model}` did not answer in time.", 504) from error
        except upstream_answers.ERRORS as error:
            raise ApiError(upstream_answers.BROKEN, 502) from error

    async def _read(self, answer: aiohttp.ClientResponse) -> tuple[aiohttp.ClientResponse, bytes | None]:
        try:
            if upstream_answers.check_head(answer):
                return answer, None
            content = await upstream_answers.whole(answer)
        except BaseException:  # raised again: a connection with half an answer in it must not be used again
            answer.close()
            raise
        answer.close()  # a connection whose answer was read whole has gone back to the pool already
        return answer, content

    async def _connect(self) -> aiohttp.ClientResponse:
        """The head of the backend's answer. A backend that has just been replaced or restarted is looked up again."""
        try:
            return await self._send(self._upstream)
        except UNREACHED:
            canary.unreached(self._upstream.backend_id)
            routing.forget()
            self._upstream = routing.upstream(self._body.model)
        try:
            return await self._send(self._upstream)
        except UNREACHED as error:
            raise self._unreached(error) from error

    def _unreached(self, error: Exception) -> ApiError:
        cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        if isinstance(cause, outside.AddressRefusedError):
            return ApiError(f"The backend of `{self._body.model}` is never asked: {cause}.", 502)
        text = f"The backend of `{self._body.model}` does not answer. Try again in a few seconds."
        return ApiError(text, 503, "model", "model_not_ready", routing.RETRY_SECONDS)

    async def _send(self, upstream: Upstream) -> aiohttp.ClientResponse:
        """Only the body goes on: of the client's headers, its key and cookies above all, the backend sees nothing."""
        is_outside = connections.is_outside(upstream.address)
        base = upstream.address if is_outside else probe.LOCAL_BASE
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        headers |= probe.key_headers(upstream.key_env) if is_outside else {}
        silent = (SILENT_SECONDS if self._body.stream else WHOLE_SECONDS) if is_outside else None
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=connections.CONNECT_SECONDS, sock_read=silent)
        session, body = connections.session(upstream.address), self._body.renamed(upstream.model)
        url = f"{base}/{self._route}"
        return await session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False)

    def _whole(self, answer: aiohttp.ClientResponse, content: bytes) -> Response:
        if self._upstream.model != self._body.model and answer.status == 200:
            content = upstream_answers.named(content, self._body.model)
        traffic.REQUESTS.labels(self._route, str(answer.status)).inc()
        return Response(content, answer.status, media_type="application/json")

    def _stream(self, answer: aiohttp.ClientResponse) -> Response:
        traffic.REQUESTS.labels(self._route, str(answer.status)).inc()

        def end() -> None:
            answer.close()
            self._finished()

        new_name = self._body.model if self._upstream.model != self._body.model else None
        chunks = trial.watched(self._upstream, self._began, upstream_answers.events(answer, new_name))
        return Stream(chunks, answer.status, end)

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
