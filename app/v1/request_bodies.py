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
MOST_NAME = 300  # characters of a model's name
LENGTHS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
LIMITS = {"n": MOST_CHOICES, "best_of": MOST_CHOICES} | dict.fromkeys(LENGTHS, MOST_TOKENS)
OLD = b'"guided_'  # the beginning of names that vLLM knew once, and now passes over in silence
BYTES_A_TOKEN = 4  # about, of English; only for what a backend does not count
CLIENT_GONE = 499  # nginx's word for it; nobody is there to read it


class ApiError(Exception):
    """An answer that is an error, as OpenAI's clients expect it."""

    def __init__(
        self,
        message: str,
        status: int,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
        kind: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.param, self.code, self.retry_after = message, status, param, code, retry_after
        self.kind = kind or ("server_error" if status >= 500 else "invalid_request_error")

    @classmethod
    def of(cls, error: TunesmithError) -> "ApiError":
        """An error of the studio, told to an API client."""
        retry_after = error.retry_after if isinstance(error, NotReadyError) else None
        code = {404: "model_not_found", 503: "model_not_ready"}.get(error.status)
        return cls(str(error), error.status, "model", code, retry_after)

    def body(self) -> bytes:
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return orjson.dumps({"error": error})

    def response(self, more_headers: dict[str, str] | None = None) -> Response:
        headers = {"retry-after": str(self.retry_after)} if self.retry_after else {}
        return Response(self.body(), self.status, {**(more_headers or {}), **headers}, "application/json")


@dataclass(frozen=True)
class Body:
    """A checked request: its model's name, whether it streams, and all of it."""

    model: str
    stream: bool
    raw: bytes
    fields: dict[str, Any]

    def renamed(self, model: str, added: dict[str, Any]) -> bytes:
        """The body for a backend that calls the model by another name, with further fields."""
        return self.raw if model == self.model and not added else orjson.dumps({**self.fields, "model": model, **added})

    @property
    def most_tokens(self) -> int | None:
        """How long each answer may get, if the request says so."""
        return next((self.fields[name] for name in LENGTHS if self.fields.get(name) is not None), None)

    @property
    def scores_prompt(self) -> bool:
        """Whether it asks for log-probabilities of its prompt, as vLLM reads these fields."""
        fields = self.fields
        asked = fields.get("logprobs") if "prompt" in fields and fields.get("echo") else None
        return asked is not None or fields.get("prompt_logprobs") is not None

    @property
    def answers(self) -> int:
        """How many answers are asked for: `n` to each prompt."""
        prompt = self.fields.get("prompt")
        prompts = len(prompt) if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int) else 1
        return prompts * max(self.fields.get("n") or 1, self.fields.get("best_of") or 1)

    @property
    def prompt_estimate(self) -> int:
        """About as many tokens as the question has."""
        return len(self.raw) // BYTES_A_TOKEN


async def read_request(request: Request, route: str) -> Body:
    """Reads and checks a request's body. Raises ApiError."""
    raw = await limited(request)
    try:
        fields = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ApiError(f"The body is not JSON: {error}"[:300], 400) from error
    if not isinstance(fields, dict):
        raise ApiError("The body must be a JSON object.", 400)
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise ApiError("`model` must name one of the models of GET /v1/models.", 400, "model")
    if len(model) > MOST_NAME:
        raise ApiError(f"`model` has {len(model)} characters, and no model has more than {MOST_NAME}.", 400, "model")
    for name, most in LIMITS.items():
        _check_limit(name, fields.get(name), most)
    if OLD in raw:
        _refuse_old(fields)
    if route == "responses":
        _refuse_kept(fields)
    return Body(model, fields.get("stream") is True, raw, fields)


def _check_limit(name: str, value: Any, most: int) -> None:
    if value is None:
        return
    least = 0 if name == "max_tokens" else 1  # 0 with `echo` only reads the prompt
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ApiError(f"`{name}` must be a whole number from {least} to {most}.", 400, name)


def _refuse_old(fields: dict[str, Any]) -> None:
    """Refuses vLLM's fields of before 0.12: an answer that keeps to no form would pass for one that does."""
    for name, value in fields.items():
        if name.startswith("guided_") and value is not None:
            use = "Use `structured_outputs` or `response_format`."
            text = f"`{name[:60]}` is an old field that servers no longer follow. {use}"
            raise ApiError(text, 400, name[:60], "unsupported_parameter")


def _refuse_kept(fields: dict[str, Any]) -> None:
    """Refuses what would need an earlier answer, or one that is fetched later: other calls than these do not exist."""
    for name in ("background", "previous_response_id", "conversation"):
        if fields.get(name):
            text = (
                f"`{name}` needs answers that are kept, and none are kept here. Send the whole conversation in `input`."
            )
            raise ApiError(text, 400, name, "unsupported_parameter")


async def limited(request: Request) -> bytes:
    """The body, refused as soon as it is known to be too large. Raises ApiError."""
    announced = next((value for name, value in request.scope["headers"] if name == b"content-length"), b"0")
    if not announced.isdigit() or int(announced) > MOST_BODY_BYTES:
        raise _too_large()
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ApiError("The client has gone.", CLIENT_GONE)
        pieces.append(message.get("body", b""))
        size, more = size + len(pieces[-1]), message.get("more_body", False)
        if size > MOST_BODY_BYTES:
            raise _too_large()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_large() -> ApiError:
    return ApiError(f"The body is larger than {MOST_BODY_BYTES >> 20} MiB.", 413)
