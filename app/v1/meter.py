"""One request from its first byte to its last: how long it took, what it used, and who is told of it at its end."""

import time
from typing import Any

from app.v1 import allowances, figures, traffic, trial
from app.v1.request_bodies import CLIENT_GONE, Body
from engine.accounts import request_log
from engine.accounts.request_log import LOG, Entry
from engine.serve.rollout import canary
from engine.serve.routing import Upstream

MOST_TOKENS = 10**9  # what a backend may say that one answer had


class Meter:
    """Counts one request. `end` may be called more than once; the first time counts."""

    def __init__(self, route: str, allowance: "allowances.Allowance") -> None:
        self.began, self._at = time.perf_counter(), time.time()
        self._route, self._allowance = route, allowance
        self._body: Body | None = None
        self._upstream: Upstream | None = None
        self._figures: figures.Figures | None = None
        self._first: float | None = None
        self._last = 0.0
        self._words = 0  # chunks of a stream that say something: about as many tokens
        self._usage: tuple[int, int] | None = None
        self._texts: list[str] | None = [] if LOG.keeps_content else None
        self._text_bytes = 0
        self._is_over = False

    def asked(self, body: Body) -> None:
        """The request was read and understood."""
        self._body = body

    def goes_to(self, upstream: Upstream, endpoint: figures.Figures) -> None:
        """A backend was found for it. Said again when another one takes over."""
        if self._figures is None:
            endpoint.began()
            traffic.IN_FLIGHT.inc()
        self._upstream, self._figures = upstream, endpoint

    def first_byte(self) -> None:
        if self._upstream is not None:
            seconds = time.perf_counter() - self.began
            traffic.of(self._upstream.endpoint, self._route).first_byte.observe(seconds)

    def words(self, count: int) -> None:
        """So many chunks of a stream arrived at once that say something."""
        now = time.perf_counter()
        self._words += count
        assert self._figures is not None  # noqa: S101  what comes, comes from a backend
        self._figures.tokens(count)
        if self._first is None:
            self._first = now - self.began
            self._figures.first_token(self._first)
            count -= 1
        if count and self._last:
            self._figures.between((now - self._last) / count, count)
        self._last = now

    def said(self, text: str) -> None:
        """A piece of the answer, for the log where contents are kept."""
        if self._texts is not None and self._text_bytes < request_log.MOST_CONTENT_BYTES:
            self._texts.append(text)
            self._text_bytes += len(text)

    @property
    def keeps_content(self) -> bool:
        return self._texts is not None

    def used(self, usage: Any) -> None:
        """What the backend says that the request took, in OpenAI's names; anything else is passed over."""
        if not isinstance(usage, dict):
            return
        prompt = usage.get("prompt_tokens", usage.get("input_tokens"))
        answer = usage.get("completion_tokens", usage.get("output_tokens"))
        self._usage = _count(prompt), _count(answer)

    def end(self, status: int) -> None:
        """It is over, however it went: settles the key's budget, and tells figures, Prometheus and the log."""
        if self._is_over:
            return
        self._is_over = True
        seconds = time.perf_counter() - self.began
        prompt, answer = self._tokens(status)
        self._allowance.settle(prompt + answer)
        if self._upstream is not None and self._figures is not None:
            self._tell(self._upstream, self._figures, status, answer)
            trial.ended(self._upstream, status, self._took(seconds))
            counters = traffic.of(self._upstream.endpoint, self._route)
            counters.seconds.observe(seconds)
            counters.requests(status).inc()
            counters.tokens(prompt, answer)
        else:
            traffic.of("", self._route).requests(status).inc()
        LOG.add(self._entry(status, seconds, prompt, answer))

    def _took(self, seconds: float) -> "tuple[canary.Kind, float] | None":
        if self._body is None or not self._body.stream:
            return "whole", seconds
        return None if self._first is None else ("stream", self._first)

    def _tell(self, upstream: Upstream, endpoint: figures.Figures, status: int, answer: int) -> None:
        traffic.IN_FLIGHT.dec()
        if status >= 400 and status != CLIENT_GONE:
            endpoint.failed()
        if not self._words:  # not a stream: its tokens come all at once
            endpoint.tokens(answer)

    def _tokens(self, status: int) -> tuple[int, int]:
        """Of question and answer. Guessed from what was seen where the backend does not say."""
        if self._usage is not None:
            return self._usage
        if self._body is None or (status >= 400 and not self._words):
            return 0, 0
        return self._body.prompt_estimate, self._words

    def _entry(self, status: int, seconds: float, prompt: int, answer: int) -> Entry:
        body, upstream = self._body, self._upstream
        question = text = None
        if self._texts is not None and body is not None:
            question = body.raw[: request_log.MOST_CONTENT_BYTES].decode("utf-8", "replace")
            text = "".join(self._texts)[: request_log.MOST_CONTENT_BYTES]
        return Entry(
            at=self._at,
            key_id=self._allowance.key_id,
            endpoint_id=upstream.endpoint_id if upstream else "",
            model=body.model[:200] if body else "",
            route=self._route,
            stream=body is not None and body.stream,
            status=status,
            seconds=seconds,
            first_token_seconds=self._first,
            prompt_tokens=prompt,
            completion_tokens=answer,
            estimated=self._usage is None and prompt + answer > 0,
            question=question,
            answer=text,
        )


def _count(value: Any) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return min(max(value, 0), MOST_TOKENS) if is_count else 0
