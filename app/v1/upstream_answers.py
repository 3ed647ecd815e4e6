"""What a backend answers, read within bounds and renamed for the client: it may be a stranger's server."""

from collections.abc import AsyncIterator

import aiohttp
import orjson

from app.v1.request_bodies import ApiError
from engine.serve import outside

MOST_LINE_BYTES = 1 << 20  # of a stream; a word has some 200
MOST_NESTED = 1_000_000  # lists and objects in an answer that is read to rename it
BROKEN = "The backend broke off while it answered. Try again."
SILENT = "The backend sent nothing for too long."
ERRORS = (aiohttp.ClientError, ValueError, OSError)  # ValueError: of yarl, and of headers that are none


def check_head(answer: aiohttp.ClientResponse) -> bool:
    """Whether the answer is a stream. Raises ApiError for one that cannot be passed on."""
    if not (200 <= answer.status < 300 or 400 <= answer.status < 600):
        raise ApiError(f"The backend answered {answer.status}, which is neither an answer nor an error.", 502)
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiError("The backend answered compressed, which was not asked for.", 502)
    if answer.content_type not in ("text/event-stream", "application/json"):
        raise ApiError(f"The backend answered {answer.status} without JSON.", 502)
    return answer.content_type == "text/event-stream"


async def whole(answer: aiohttp.ClientResponse) -> bytes:
    """All that the backend says, when it is not too much. Raises ApiError, and aiohttp's errors."""
    too_large = ApiError(f"The backend's answer is larger than {outside.MOST_ANSWER_BYTES >> 20} MiB.", 502)
    announced = answer.content_length
    if announced is not None and announced <= outside.MOST_ANSWER_BYTES:
        return await answer.read()
    if announced is not None:
        raise too_large
    content = bytearray()
    async for chunk in answer.content.iter_any():
        content += chunk
        if len(content) > outside.MOST_ANSWER_BYTES:
            raise too_large
    return bytes(content)


def named(content: bytes, model: str) -> bytes:
    """An outside server's answer, under the name the client knows."""
    if content.count(b"{") + content.count(b"[") > MOST_NESTED:
        raise ApiError("The backend's answer has far too many parts.", 502)
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ApiError("The backend's answer is not JSON.", 502) from error
    return orjson.dumps({**answer, "model": model}) if isinstance(answer, dict) else content


async def events(answer: aiohttp.ClientResponse, model: str | None) -> AsyncIterator[bytes]:
    """A stream's bytes as they come, renamed to `model` if it is given. What goes wrong is the last event."""
    try:
        async for chunk in answer.content.iter_any() if model is None else _renamed(answer, model):
            yield chunk
    except ApiError as error:
        yield b"\n\ndata: " + error.body() + b"\n\n"
    except TimeoutError:
        yield b"\n\ndata: " + ApiError(SILENT, 504).body() + b"\n\n"
    except ERRORS:  # it died, or was killed, in the middle: say so in the stream's own words
        yield b"\n\ndata: " + ApiError(BROKEN, 502).body() + b"\n\n"


async def _renamed(answer: aiohttp.ClientResponse, model: str) -> AsyncIterator[bytes]:
    async for line in _lines(answer):
        yield b"data: " + named(line[6:], model) + b"\n" if line.startswith(b"data: {") else line


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Whole lines with their ends. Raises ApiError for one that does not end."""
    begun = b""
    async for chunk in answer.content.iter_any():
        *lines, begun = (begun + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"
        if len(begun) > MOST_LINE_BYTES:
            raise ApiError("The backend's stream has a line that does not end.", 502)
    if begun:
        yield begun
