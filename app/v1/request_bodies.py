"""What a request to /v1 may hold, and OpenAI's shape for what is wrong with it."""

from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import Response

from engine.errors import TunesmithError
from engine.serve.routing import NotReadyError

MOST_BODY_BYTES = 2 << 20
MOST_CHOICES = 8
MOST_TOKENS = 131_072
LIMITS = {"n": MOST_CHOICES, "best_of": MOST_CHOICES, "max_tokens": MOST_TOKENS, "max_completion_tokens": MOST_TOKENS}


class ApiError(Exception):
    """An answer that is an error, as OpenAI's clients expect it."""

    def __init__(
        self,
        message: str,
        status: int,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.param, self.code, self.retry_after = message, status, param, code, retry_after

    @classmethod
    def of(cls, error: TunesmithError) -> "ApiError":
        """An error of the studio, told to an API client."""
        retry_after = error.retry_after if isinstance(error, NotReadyError) else None
        code = {404: "model_not_found", 503: "model_not_ready"}.get(error.status)
        return cls(str(error), error.status, "model", code, retry_after)

    def body(self) -> bytes:
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return orjson.dumps({"error": error})

    def response(self) -> Response:
        headers = {"retry-after": str(self.retry_after)} if self.retry_after else {}
        return Response(self.body(), self.status, headers, "application/json")


@dataclass(frozen=True)
class Body:
    """A checked request: its model's name, whether it streams, and all of it."""

    model: str
    stream: bool
    raw: bytes
    fields: dict[str, Any]

    def renamed(self, model: str) -> bytes:
        """The body for a backend that calls the model by another name."""
        return self.raw if model == self.model else orjson.dumps({**self.fields, "model": model})


async def read_request(request: Request) -> Body:
    """Reads and checks a request's body. Raises ApiError."""
    raw = await _limited(request)
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ApiError(f"The body is not JSON: {error}"[:300], 400) from error
    if not isinstance(fields, dict):
        raise ApiError("The body must be a JSON object.", 400)
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise ApiError("`model` must name one of the models of GET /v1/models.", 400, "model")
    for name, most in LIMITS.items():
        _check_limit(name, fields.get(name), most)
    return Body(model, fields.get("stream") is True, raw, fields)


def _check_limit(name: str, value: Any, most: int) -> None:
    if value is None:
        return
    least = 0 if name == "max_tokens" else 1  # 0 with `echo` only reads the prompt
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ApiError(f"`{name}` must be a whole number from {least} to {most}.", 400, name)


async def _limited(request: Request) -> bytes:
    """The body, refused as soon as it is known to be too large."""
    too_large = ApiError(f"The body is larger than {MOST_BODY_BYTES >> 20} MiB.", 413)
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > MOST_BODY_BYTES:
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise too_large
    return bytes(body)
