"""One request to OpenAI's API, streamed, and the moment at which each piece of its answer came."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from engine.benchmarks.metrics import Answer
from engine.serve import outside, probe

KEY = "TUNESMITH_BENCHMARK_KEY"  # the variable in which this worker is given a key; it is in no file
CHAT, COMPLETION = "chat/completions", "completions"
MOST_ERROR_BYTES = 4096
MOST_LINE_BYTES = 1 << 20


@dataclass(frozen=True)
class Target:
    """The server that is measured: `unix:/path`, or the http(s) base of an API, and what the model is called there."""

    address: str
    model: str

    @property
    def base(self) -> str:
        return probe.LOCAL_BASE if self.address.startswith(probe.UNIX) else self.address


def open_session(target: Target, timeout: float) -> aiohttp.ClientSession:
    """Connections for any number of requests at once. The caller closes it."""
    if target.address.startswith(probe.UNIX):
        connector: aiohttp.BaseConnector = aiohttp.UnixConnector(target.address.removeprefix(probe.UNIX), limit=0)
    else:
        connector = aiohttp.TCPConnector(limit=0, socket_factory=outside.open_socket)
    headers = {"content-type": "application/json", "accept-encoding": "identity"}
    if key := os.environ.get(KEY):
        headers["authorization"] = f"Bearer {key}"
    return aiohttp.ClientSession(
        connector=connector,
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        read_bufsize=MOST_LINE_BYTES,
    )


async def ask_unstreamed(
    session: aiohttp.ClientSession, target: Target, route: str, body: dict[str, Any]
) -> tuple[int, Any]:
    """Status and JSON of an answer that is not streamed; None instead of JSON when it is none."""
    url = f"{target.base}/{route}"
    async with session.post(url, data=orjson.dumps(body), allow_redirects=False) as answer:
        content = await answer.content.read(MOST_LINE_BYTES)
    try:
        return answer.status, orjson.loads(content)
    except orjson.JSONDecodeError:
        return answer.status, None


async def ask(session: aiohttp.ClientSession, target: Target, route: str, body: dict[str, Any]) -> Answer:
    """Sends one request and reads its stream to the end. What goes wrong is an answer with an error, never raised."""
    pieces = _Pieces(time.perf_counter())
    data = orjson.dumps({**body, "model": target.model, "stream": True, "stream_options": {"include_usage": True}})
    try:
        async with session.post(f"{target.base}/{route}", data=data, allow_redirects=False) as answer:
            if answer.status != 200:
                return pieces.failed(f"http {answer.status}", _said(await answer.content.read(MOST_ERROR_BYTES)))
            async for event in _events(answer):
                if error := pieces.take(event, route):
                    return pieces.failed("error in the stream", error)
    except TimeoutError:
        return pieces.failed("timeout", "")
    except (aiohttp.ClientConnectionError, asyncio.IncompleteReadError, OSError) as error:
        return pieces.failed("torn stream" if pieces.tokens else "connection", f"{type(error).__name__}: {error}")
    except (aiohttp.ClientError, ValueError, LookupError, TypeError, AttributeError) as error:
        return pieces.failed("wrong answer", f"{type(error).__name__}: {error}")
    return pieces.answer()


async def _events(answer: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    """The JSON of each event. The last one is None: `[DONE]` came; a stream that was cut off has no such end."""
    async for line in answer.content:
        text = line.strip()
        if text.startswith(b"data:"):
            payload = text[5:].strip()
            yield None if payload == b"[DONE]" else orjson.loads(payload)


def _said(content: bytes) -> str:
    """The message of an error, in OpenAI's shape or any other."""
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.decode("utf-8", "replace")[:300]
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    return str(error.get("message", error) if isinstance(error, dict) else error)[:300]


@dataclass
class _Pieces:
    """What has come so far of one stream."""

    started: float
    tokens: int = 0
    ttft: float = 0.0
    last_token: float = 0.0
    last_piece: float = 0.0
    itl: list[float] = field(default_factory=list)
    usage: dict[str, Any] = field(default_factory=dict)
    done: bool = False

    def take(self, event: Any, route: str) -> str:
        """Notes an event; gives what it says when it is an error."""
        if event is None:
            self.done = True
            return ""
        if event.get("error"):
            return _said(orjson.dumps(event))
        if choices := event.get("choices"):
            self.last_piece = time.perf_counter()
            if _is_token(choices[0], route):
                self._token(self.last_piece)
        self.usage = event.get("usage") or self.usage
        return ""

    def _token(self, now: float) -> None:
        if self.tokens:
            self.itl.append(now - self.last_token)
        else:
            self.ttft = now - self.started
        self.tokens, self.last_token = self.tokens + 1, now

    def failed(self, error: str, message: str) -> Answer:
        return Answer(self.started, time.perf_counter() - self.started, error=error, message=message)

    def answer(self) -> Answer:
        if not self.done:
            return self.failed("torn stream", "The stream ended without [DONE].")
        if not self.tokens:
            return self.failed("empty answer", "The stream held no token.")
        output = self.usage.get("completion_tokens")
        return Answer(
            self.started,
            self.last_piece - self.started,
            self.ttft,
            tuple(self.itl),
            int(self.usage.get("prompt_tokens") or 0),
            int(output or self.tokens),
            counted=bool(output),
        )


def _is_token(choice: dict[str, Any], route: str) -> bool:
    """Whether a piece holds a token. The first piece of a chat may only name the role, the last one only the reason.

    In a completion a piece may have no text and still be a token: half of a letter, or one that is not shown.
    """
    if route == COMPLETION:
        return bool(choice.get("text")) or choice.get("finish_reason") is None
    delta = choice.get("delta") or {}
    return any(delta.get(name) for name in ("content", "reasoning_content", "reasoning", "tool_calls"))
