"""Questions that the studio's own pages ask of endpoints: counted in usage and log like those of other programs.

They stand under the name `studio`. They go to the server straight, so no key's limits apply, and the gateway's figures
of the last minute (in its event loop) do not show them. A version on trial is told how they ended.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import orjson

from engine.accounts import request_log
from engine.accounts.request_log import LOG, STUDIO, Entry
from engine.process import logs
from engine.serve.rollout import canary
from engine.serve.routing import Upstream

BYTES_A_TOKEN = 4  # of a question, where the server does not say
BROKEN, SILENT, LEFT = 502, 504, 499
MOST_TOKENS = 10**9  # what a server may say that one answer had


class InnerCall:
    """One question to one server, from before it is sent to its end."""

    def __init__(self, upstream: Upstream, model: str, body: Mapping[str, Any], route: str) -> None:
        self.status = 200
        self._upstream, self._model, self._route = upstream, model, route
        self._question = orjson.dumps(body)
        self._is_stream = bool(body.get("stream"))
        self._at, self._began = time.time(), time.perf_counter()
        self._first: float | None = None
        self._words: list[str] = []
        self._usage: tuple[int, int] | None = None

    def said(self, text: str) -> None:
        """A piece of the answer: about a token."""
        if self._first is None:
            self._first = time.perf_counter() - self._began
        self._words.append(text)

    def used(self, event: Mapping[str, Any]) -> None:
        """What an answer, or an event of one, tells of its tokens, if it does."""
        if isinstance(usage := event.get("usage"), dict):
            self._usage = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))

    @property
    def answer_tokens(self) -> int | None:
        """How many tokens the answer has, where the server has said so."""
        return self._usage[1] if self._usage else None

    def end(self) -> None:
        """Writes it down."""
        seconds = time.perf_counter() - self._began
        LOG.add(self._entry(seconds))
        if LOG.is_idle:  # a command, without the app: nobody else writes
            with logs.kept_going("requests"):
                LOG.write()
        if not 400 <= self.status < 500:
            canary.report(
                self._upstream.endpoint_id, self._upstream.backend_id, self.status >= 500, self._took(seconds)
            )

    def _took(self, seconds: float) -> tuple[canary.Kind, float] | None:
        if not self._is_stream:
            return "whole", seconds
        return None if self._first is None else ("stream", self._first)

    def _entry(self, seconds: float) -> Entry:
        guessed = (len(self._question) // BYTES_A_TOKEN, len(self._words)) if self.status < 400 or self._words else None
        prompt, answer = self._usage or guessed or (0, 0)
        kept = LOG.keeps_content
        return Entry(
            at=self._at,
            key_id=STUDIO,
            endpoint_id=self._upstream.endpoint_id,
            model=self._model[:200],
            route=self._route,
            stream=self._is_stream,
            status=self.status,
            seconds=seconds,
            first_token_seconds=self._first,
            prompt_tokens=prompt,
            completion_tokens=answer,
            estimated=self._usage is None and prompt + answer > 0,
            question=self._question[: request_log.MOST_CONTENT_BYTES].decode("utf-8", "replace") if kept else None,
            answer="".join(self._words)[: request_log.MOST_CONTENT_BYTES] if kept else None,
        )


def _count(value: Any) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return min(max(value, 0), MOST_TOKENS) if is_count else 0


@contextmanager
def counted(
    upstream: Upstream, model: str, body: Mapping[str, Any], route: str = "chat/completions"
) -> Iterator[InnerCall]:
    """Counts what is asked of a server in the block, however that ends. `model` is the public name.

    A status that the server has refused with is for the caller to set.
    """
    call = InnerCall(upstream, model, body, route)
    try:
        yield call
    except BaseException as error:  # raised again
        if call.status < 400:
            call.status = _status(error)
        if isinstance(error, httpx.ConnectError):
            canary.note_unreached(upstream.backend_id)
        raise
    finally:
        call.end()


def _status(error: BaseException) -> int:
    if isinstance(error, GeneratorExit):  # who has asked wants no more of it
        return LEFT
    return SILENT if isinstance(error, httpx.TimeoutException) else BROKEN


def tells_usage(upstream: Upstream) -> dict[str, Any]:
    """The field that has a server of ours say how many tokens a stream had. Of outside ones not each knows it."""
    return {} if upstream.kind == "external" else {"stream_options": {"include_usage": True}}
