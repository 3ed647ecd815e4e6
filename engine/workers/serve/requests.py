"""What a client of the server may ask, in OpenAI's words, and how a mistake is answered.

Fields that only steer OpenAI's own service (`user`, `store`, `metadata` ...) are ignored. Fields that would change the
answer, and that this server does not know, are refused: an answer without them would look right and be wrong.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_CHOICES = 8
MOST_PROMPTS = 32
UNSUPPORTED = ("tools", "functions", "logprobs", "logit_bias", "audio", "prediction", "echo", "suffix")

Stop = Annotated[str, Field(min_length=1, max_length=1000)]
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class RequestError(Exception):
    """The request cannot be answered as it is."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        kind = "server_error" if status >= 500 else "invalid_request_error"
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


class StreamOptions(BaseModel):
    include_usage: bool = False


class GenerationRequest(BaseModel):
    """Fields that chats and completions share."""

    model_config = ConfigDict(extra="allow")

    model: str
    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: Stop | Annotated[list[Stop], Field(max_length=16)] | None = None
    seed: Seed | None = None
    n: int | None = Field(default=None, ge=1, le=MOST_CHOICES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2, allow_inf_nan=False)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2, allow_inf_nan=False)

    def stops(self) -> list[str]:
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    def requested_tokens(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    def refuse_unsupported(self) -> None:
        """Raises RequestError for the first field that this server would have to pass over."""
        extra: dict[str, Any] = self.model_extra or {}
        for name in UNSUPPORTED:
            if extra.get(name):
                raise RequestError(f"`{name}` is not supported by this server.", name, "unsupported_parameter")
        response_format = extra.get("response_format") or {}
        if isinstance(response_format, dict) and response_format.get("type", "text") != "text":
            raise RequestError("Only text can be answered.", "response_format", "unsupported_parameter")
        if (extra.get("best_of") or 1) != 1:
            raise RequestError("`best_of` is not supported; use `n`.", "best_of", "unsupported_parameter")


class Part(BaseModel):
    type: Literal["text"]
    text: str


class Turn(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part] | None = None

    def plain(self) -> dict[str, str]:
        """The turn as chat templates take it; `developer` is what OpenAI now calls the system prompt."""
        parts = self.content if isinstance(self.content, list) else [Part(type="text", text=self.content or "")]
        return {
            "role": "system" if self.role == "developer" else self.role,
            "content": "\n".join(part.text for part in parts),
        }


class ChatRequest(GenerationRequest):
    messages: list[Turn] = Field(min_length=1, max_length=2000)


class CompletionRequest(GenerationRequest):
    prompt: str | list[int] | list[str] | list[list[int]] = Field(min_length=1)

    def prompts(self) -> list[str | list[int]]:
        """One entry a prompt: text, or tokens."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        if isinstance(self.prompt[0], int):
            return [self.prompt]
        if len(self.prompt) > MOST_PROMPTS:
            raise RequestError(f"At most {MOST_PROMPTS} prompts at once.", "prompt")
        return list(self.prompt)
