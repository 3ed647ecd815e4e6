"""What a backend answers, read within bounds and renamed for the client: it may be a stranger's server."""

import asyncio
from typing import Any

import orjson

from app.v1.answers import Answer, BrokenOffError
from app.v1.request_bodies import ApiError
from engine.serve import outside

MOST_NESTED = 1_000_000  # lists and objects in an answer that is read to rename it
BROKEN = "The backend broke off while it answered. Try again."
NOT_JSON = "The backend's answer is not JSON."
LONG_BYTES = 256 << 10  # what is longer takes more than a millisecond to read
ERRORS = (BrokenOffError, ValueError, OSError)  # ValueError: of an address that is none


def check_head(answer: Answer) -> bool:
    """Whether the answer is a stream. Raises ApiError for one that cannot be passed on."""
    if not (200 <= answer.status < 300 or 400 <= answer.status < 600):
        raise ApiError(f"The backend answered {answer.status}, which is neither an answer nor an error.", 502)
    if answer.is_encoded:
        raise ApiError("The backend answered compressed, which was not asked for.", 502)
    kind = answer.content_type
    if kind not in ("text/event-stream", "application/json"):
        raise ApiError(f"The backend answered {answer.status} without JSON.", 502)
    return kind == "text/event-stream"


async def whole(answer: Answer) -> bytes:
    """All that the backend says, when it is not too much. Raises ApiError and BrokenOffError."""
    is_short = (answer.length or 0) <= outside.MOST_ANSWER_BYTES
    content = await answer.read(outside.MOST_ANSWER_BYTES) if is_short else None
    if content is None:
        raise ApiError(f"The backend's answer is larger than {outside.MOST_ANSWER_BYTES >> 20} MiB.", 502)
    return content


async def parsed_whole(content: bytes) -> Any:
    """An answer as JSON, None where it is none or has far too many parts; in a thread where it is long."""
    if len(content) > LONG_BYTES:
        return await asyncio.to_thread(_parsed_or_none, content)
    return _parsed_or_none(content)


def _parsed_or_none(content: bytes) -> Any:
    if content.count(b"{") + content.count(b"[") > MOST_NESTED:
        raise ApiError("The backend's answer has far too many parts.", 502)
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def parsed(payload: bytes) -> dict[str, Any]:
    """An event of a stream. Raises ApiError for one that is no JSON object."""
    if payload.count(b"{") + payload.count(b"[") > MOST_NESTED:
        raise ApiError("The backend's answer has far too many parts.", 502)
    try:
        event: dict[str, Any] = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise ApiError(NOT_JSON, 502) from error
    return event


def renamed(answer: dict[str, Any], model: str) -> dict[str, Any]:
    """An answer, or an event of one, under the name the client knows."""
    response = answer.get("response")
    if isinstance(response, dict):  # an event of /v1/responses
        return {**answer, "response": {**response, "model": model}}
    return answer if isinstance(answer.get("type"), str) else {**answer, "model": model}


def dumped(answer: dict[str, Any]) -> bytes:
    return orjson.dumps(answer)
