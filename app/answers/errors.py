"""One shape for every error: {"error": {"type", "message", "hint"}}. Never a traceback."""

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from engine.errors import BusyError, TunesmithError
from engine.faults import of_machine
from engine.names import did_you_mean

logger = logging.getLogger("tunesmith.app")

KINDS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    422: "invalid_request",
    500: "internal_error",
    503: "busy",
    507: "disk_full",
}


OURS = ("internal_error", "busy", "disk_full")  # kinds that are no fault of the caller
OPENAI_CODES = {"unauthorized": "invalid_api_key"}

RETRY_SECONDS = "2"
NO_VALUE = ("missing", "extra_forbidden", "json_invalid")
SECRETS = ("token", "api_key", "password", "secret")  # fields whose value is not said back


class ErrorDetail(BaseModel):
    type: str = Field(description="A word for programs, such as not_found, conflict or invalid_request.")
    message: str = Field(description="What is wrong, in a sentence that names the thing and the value.")
    hint: str = Field(description="What to do about it; may be empty.")


class ErrorBody(BaseModel):
    """Every error of the API."""

    error: ErrorDetail = Field(description="What went wrong.")


EVERY_OPERATION: dict[int | str, dict[str, Any]] = {
    401: {"model": ErrorBody, "description": "No credential, or a wrong one."},
    403: {"model": ErrorBody, "description": "The credential does not reach this operation."},
    422: {"model": ErrorBody, "description": "A field or parameter is wrong; the hint has a line for each."},
    500: {"model": ErrorBody, "description": "A mistake of the studio; its log has the details."},
    503: {"model": ErrorBody, "description": "The database is busy; Retry-After says when to ask again."},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ErrorBody, "description": "There is no such thing."}}
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorBody, "description": "The thing is in a state that does not allow this."}
}
TOO_LARGE: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The body cannot be read as what it says it is."},
    413: {"model": ErrorBody, "description": "The body is larger than allowed."},
    507: {"model": ErrorBody, "description": "The disk has no room for it."},
}

NO_ROOM: dict[int | str, dict[str, Any]] = {507: {"model": ErrorBody, "description": "The disk has no room for it."}}


class TooLargeError(TunesmithError):
    """The body is larger than allowed."""

    status = 413


def install(app: FastAPI) -> None:
    """Makes every error of `app` come out in the one shape."""
    app.add_exception_handler(TunesmithError, _studio_error)
    app.add_exception_handler(DBAPIError, _of_machine)
    app.add_exception_handler(OSError, _of_machine)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def error_body(path: str, kind: str, message: str, hint: str) -> bytes:
    """An error in the shape the caller's client understands: OpenAI's under /v1, ours elsewhere."""
    if path.startswith("/v1"):
        whose = "server_error" if kind in OURS else "invalid_request_error"
        code = OPENAI_CODES.get(kind, kind)
        text = f"{message} {hint}".strip()
        return orjson.dumps({"error": {"message": text, "type": whose, "param": None, "code": code}})
    return orjson.dumps({"error": {"type": kind, "message": message, "hint": hint}})


def answer(request: Request, status: int, message: str, hint: str = "", headers: Any = None) -> Response:
    kind = KINDS.get(status, "error")
    body = error_body(request.url.path, kind, message, hint)
    return Response(body, status, headers, media_type="application/json")


def respond(scope: Scope, error: TunesmithError | DBAPIError) -> Response:
    """What an error is answered with by whoever stands before the routes."""
    request = Request(scope)
    return _studio_error(request, error) if isinstance(error, TunesmithError) else _of_machine(request, error)


def _studio_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, TunesmithError)  # noqa: S101  what it was registered for
    headers = {"retry-after": RETRY_SECONDS} if isinstance(error, BusyError) else None
    return answer(request, error.status, _safe(error.message), _safe(error.hint), headers)


def _of_machine(request: Request, error: Exception) -> Response:
    """A full disk or a busy database is no mistake of the studio."""
    if (understood := of_machine(error)) is None:
        return _unexpected(request, error)
    logger.warning("%s %s: %s", request.method, request.url.path, error)
    return _studio_error(request, understood)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    lines = [_line(dict(detail), _fields(request, detail["loc"])) for detail in error.errors()[:20]]
    return answer(request, 422, "The request is not valid.", _safe("\n".join(lines)))


def _fields(request: Request, place: Sequence[str | int]) -> Collection[str]:
    """The names of the fields beside a place in the body, such as ("body", "recipe", "learing_rate")."""
    body = getattr(request.scope.get("route"), "body_field", None)
    model: Any = body.field_info.annotation if body is not None and place[0] == "body" else None
    for part in place[1:-1]:
        field = _of_model(model).get(str(part))
        model = field.annotation if field is not None else None
    return _of_model(model)


def _of_model(model: Any) -> Mapping[str, Any]:
    return model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}


def _line(detail: dict[str, Any], known: Collection[str] = ()) -> str:
    field = ".".join(str(part) for part in detail["loc"][1:]) or str(detail["loc"][0])
    message = str(detail["msg"]).removeprefix("Value error, ")
    value = detail.get("input")
    if detail["type"] == "extra_forbidden":
        return f"There is no field `{field:.80}`. {did_you_mean(str(detail['loc'][-1]), known)}".rstrip()
    unsaid = detail["type"] in NO_VALUE or "input" not in detail or isinstance(value, dict | list)
    if unsaid or _is_secret(field):
        return f"`{field}`: {message}."
    return f"`{field}` is {value!r:.80}: {message}."


def _is_secret(field: str) -> bool:
    """Whether the value of a field, named as in `sinks.0.password`, is not said back. A sink's address is a secret."""
    name = field.rpartition(".")[2]
    return name in SECRETS or (name == "url" and field.startswith("sinks."))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    hint = "/api/docs lists the operations." if error.status_code in (404, 405) else ""
    return answer(request, error.status_code, str(error.detail), hint, error.headers)


def _unexpected(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(request, 500, "Something went wrong inside the studio.", "Its log has the details.")


def _safe(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
