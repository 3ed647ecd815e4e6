"""One request on its way from a client to a backend and back."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from app.v1 import backend_errors, connections, figures, upstream_answers
from app.v1.answers import Answer, UnreachedError
from app.v1.meter import Meter
from app.v1.request_bodies import CLIENT_GONE, ApiError, Body
from app.v1.streams import Events, Terms
from engine.serve import outside, probe, routing
from engine.serve.disconnects import HungUpError, while_connected
from engine.serve.rollout import canary
from engine.serve.routing import Upstream

WHOLE_SECONDS = 600  # a backend has so long for an answer that is not streamed, as OpenAI's own client gives it
SILENT_SECONDS = 300  # an outside one so long between two words of a stream: Ollama may have to load the model first
OWN_SILENT_SECONDS = 600  # and one of ours, which may read a long prompt on a CPU
TELLS_USAGE = ("chat/completions", "completions")  # where a stream can be asked for its usage
NOT_SCORED = (
    "`{}` is answered by vLLM on a CPU with adapters, which ends when it is asked for log-probabilities of prompts. "
    "Leave out `echo` or `logprobs`, serve the run merged, or serve it by the studio's own server."
)


class Passing:
    """Carries a request to its backend and the answer back, and lets go of both however it ends.

    `added` are fields that the request does not have and the backend gets, `headers` go to the client.
    """

    def __init__(self, request: Request, route: str, body: Body, meter: Meter) -> None:
        self._request, self._route, self._body, self._meter = request, route, body, meter
        self._upstream = routing.upstream(body.model)
        self._endpoint = figures.of(self._upstream.endpoint_id)
        self._added: dict[str, Any] = {}
        self._headers: dict[str, str] = {}

    async def answer(self, added: dict[str, Any], headers: dict[str, str]) -> Response:
        """The backend's answer. Raises ApiError, or routing's errors when nothing answers."""
        self._added, self._headers = added, headers
        self._meter.goes_to(self._upstream, self._endpoint)
        try:
            answer, content = await while_connected(self._request.receive, self._fetch())
        except HungUpError as error:
            raise ApiError("The client has gone.", CLIENT_GONE) from error
        self._meter.first_byte()
        if content is None:
            return self._stream(answer)
        self._endpoint.queue.leave()
        return await self._whole(answer, content)

    async def _fetch(self) -> tuple[Answer, bytes | None]:
        """The backend's answer with its content, or with None when it is a stream still to be read.

        It has a place in the endpoint's queue then. When it fails it has none.
        """
        if await self._endpoint.queue.enter():
            self._look_up_again()
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                return await self._read(await self._connect())
        except BaseException as error:  # raised again, some of them in words that a client understands
            self._endpoint.queue.leave()
            if isinstance(error, TimeoutError):
                text = f"The backend of `{self._body.model}` did not answer in time."
                raise ApiError(text, 504) from error
            if isinstance(error, upstream_answers.ERRORS):
                raise ApiError(upstream_answers.BROKEN, 502) from error
            raise

    def _look_up_again(self) -> None:
        """A backend that has just been replaced or restarted is looked up again."""
        self._upstream = routing.upstream(self._body.model)
        self._meter.goes_to(self._upstream, self._endpoint)

    async def _read(self, answer: Answer) -> tuple[Answer, bytes | None]:
        try:
            if answer.status in backend_errors.LACKING and self._route in backend_errors.OPTIONAL_ROUTES:
                return answer, await upstream_answers.whole(answer)  # in whatever words: there is no such route
            if upstream_answers.check_head(answer):
                return answer, None
            content = await upstream_answers.whole(answer)
        except BaseException:  # raised again: a connection with half an answer in it must not be used again
            answer.close()
            raise
        answer.close()  # a connection whose answer was read whole has gone back to the pool already
        return answer, content

    async def _connect(self) -> Answer:
        """The head of the backend's answer."""
        try:
            return await self._send(self._upstream)
        except UnreachedError:
            canary.note_unreached(self._upstream.backend_id)
            routing.forget()
            self._look_up_again()
        try:
            return await self._send(self._upstream, fresh=True)
        except UnreachedError as error:
            raise self._unreached(error) from error

    def _unreached(self, error: UnreachedError) -> ApiError:
        cause = error.__cause__
        if isinstance(cause, outside.AddressRefusedError):
            return ApiError(f"The backend of `{self._body.model}` is never asked: {cause}.", 502)
        text = f"The backend of `{self._body.model}` does not answer. Try again in a few seconds."
        return ApiError(text, 503, "model", "model_not_ready", routing.RETRY_SECONDS)

    async def _send(self, upstream: Upstream, fresh: bool = False) -> Answer:
        """Only the body goes on: of the client's headers, its key and cookies above all, the backend sees nothing."""
        if not upstream.scores_prompts and self._body.scores_prompt:
            raise ApiError(NOT_SCORED.format(self._body.model), 400, "prompt_logprobs", "unsupported_parameter")
        is_outside = connections.is_outside(upstream.address)
        headers = probe.key_headers(upstream.key_env) if is_outside else {}
        silent = (SILENT_SECONDS if is_outside else OWN_SILENT_SECONDS) if self._body.stream else None
        body = self._body.renamed(upstream.model, self._added if is_outside else self._added | self._usage_asked())
        answer = await connections.server(upstream.address).ask(self._route, headers, body, silent, fresh)
        try:
            await answer.head()
        except BaseException:  # raised again: nobody waits for it any more
            answer.close()
            raise
        return answer

    def _usage_asked(self) -> dict[str, Any]:
        """Has a server of ours say how many tokens a stream had. Of outside ones not each knows the field."""
        asked = self._body.fields.get("stream_options")
        if not self._body.stream or self._route not in TELLS_USAGE or not isinstance(asked, dict | None):
            return {}
        return {"stream_options": {**(asked or {}), "include_usage": True}}

    async def _whole(self, answer: Answer, content: bytes) -> Response:
        said = await upstream_answers.parsed_whole(content)
        if answer.status >= 400:
            return self._error(answer.status, content, said)
        if said is None:
            raise ApiError(upstream_answers.NOT_JSON, 502)
        if isinstance(said, dict):
            self._meter.used(said.get("usage"))
            if self._meter.keeps_content:
                self._meter.said(content[:16_384].decode("utf-8", "replace"))
            if self._upstream.model != self._body.model:
                content = upstream_answers.dumped(upstream_answers.renamed(said, self._body.model))
        self._meter.end(answer.status)
        return Response(content, answer.status, self._headers, media_type="application/json")

    def _error(self, status: int, content: bytes, said: Any) -> Response:
        """The backend's error, as it is if it is in OpenAI's shape."""
        if backend_errors.lacks(self._route, status, said):
            raise backend_errors.lacking(self._route, self._body.model, self._upstream.kind)
        if not backend_errors.is_openais(said):
            raise backend_errors.translated(said, status)
        self._meter.end(status)
        return Response(content, status, self._headers, media_type="application/json")

    def _stream(self, answer: Answer) -> Response:
        is_outside = connections.is_outside(self._upstream.address)
        asked = self._body.fields.get("stream_options")
        terms = Terms(
            new_name=self._body.model if self._upstream.model != self._body.model else None,
            hides_usage=not (isinstance(asked, dict) and asked.get("include_usage")),
            answers=self._body.answers,
            needs_done=not is_outside,
        )
        events = Events(answer, self._meter, terms)

        def end() -> None:
            self._endpoint.queue.leave()
            self._meter.end(events.status)

        return Stream(events, answer.status, self._headers, end)


class Stream(Response):
    """Server-sent events, and `end()` when they are over: also when the client left before the first."""

    def __init__(self, events: Events, status: int, headers: dict[str, str], end: Callable[[], None]) -> None:
        self.status_code, self.background = status, None
        headers = {"cache-control": "no-cache", "x-accel-buffering": "no", **headers}
        self.init_headers({"content-type": "text/event-stream; charset=utf-8", **headers})
        self._events, self._end = events, end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            try:
                with contextlib.suppress(HungUpError):
                    await while_connected(receive, self._pass(send))
            finally:
                self._end()
            await self._events.read_rest()
        finally:
            self._events.close()

    async def _pass(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        is_over = False
        async for piece in self._events.chunks():
            is_over = self._events.are_over
            await send({"type": "http.response.body", "body": piece, "more_body": not is_over})
        if not is_over:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
