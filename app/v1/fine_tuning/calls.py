"""What the calls of this room share: work in a thread, errors in OpenAI's shape, and the numbers of a list."""

from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from app.v1.fine_tuning import shapes
from app.v1.request_bodies import ApiError, limited
from engine.errors import TunesmithError
from engine.finetuning.wrong import ParameterError

T = TypeVar("T")

CODES = {404: "not_found", 409: "conflict", 413: "too_large", 507: "disk_full"}


async def answered(act: Callable[[], Any]) -> Response:
    """What `act`, run in a thread, gives, as JSON; or the error it raises."""
    try:
        return shapes.answer(await run_in_threadpool(act))
    except TunesmithError as error:
        return refusal(error).response()


def refusal(error: TunesmithError, param: str | None = None) -> ApiError:
    """The error for a client. What the studio understands and cannot do is 400 in OpenAI's API."""
    if isinstance(error, ParameterError):
        return ApiError(str(error), error.status, error.param, error.code)
    status = 400 if error.status == 422 else error.status
    return ApiError(str(error), status, param, CODES.get(error.status, "invalid_request"))


async def body_of(request: Request) -> Any:
    """The JSON of a request. Raises ApiError."""
    raw = await limited(request)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ApiError(f"The body is not JSON: {error}"[:300], 400) from error


def limit_of(request: Request, usual: int, most: int) -> int:
    """How many entries of a list are asked for. Raises ParameterError."""
    text = request.query_params.get("limit", str(usual))
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= most:
        raise ParameterError(f"`limit` is `{text:.40}`: it must be a whole number from 1 to {most:,}.", "limit")
    return int(text)
