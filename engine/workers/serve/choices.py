"""One choice of an answer, from the batch's pieces to OpenAI's parts: words, calls of tools, log-probabilities."""

from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from engine.workers.serve.calls import CallFilter
from engine.workers.serve.logprobs import Places, Words
from engine.workers.serve.questions import Piece
from engine.workers.serve.requests import ChatRequest, GenerationRequest


@dataclass(frozen=True)
class Part:
    """What a piece adds to a choice, in OpenAI's shapes; `finish` with the last."""

    choice: int
    text: str
    calls: list[dict[str, Any]]
    logprobs: dict[str, Any] | None
    finish: str | None
    tokens: tuple[int, ...] = ()  # where the request wants them


@dataclass(frozen=True)
class Echo:
    """The prompt in front of an answer. `offsets` are where its tokens begin, if their log-probabilities are told."""

    text: str = ""
    offsets: list[int] = field(default_factory=list)


class Choice:
    """Reads the pieces of one choice in order."""

    def __init__(self, request: GenerationRequest, words: Words, echo: Echo) -> None:
        self._request, self._words = request, words
        self._echo, self._prompt_offsets = echo.text, list(echo.offsets)
        self._places = Places(words, len(echo.text), request.skip_special_tokens is False)
        offers_tools = isinstance(request, ChatRequest) and request.offered_tools()
        only_one = isinstance(request, ChatRequest) and request.parallel_tool_calls is False
        self._calls = CallFilter(1 if only_one else None) if offers_tools else None
        self._called = 0

    def read(self, piece: Piece) -> Part:
        text, calls = piece.text, list[dict[str, Any]]()
        if self._calls:
            text, new_calls = self._calls.add(piece.text)
            text += self._calls.rest() if piece.finish else ""
            for call in new_calls:
                function = {"name": call.name, "arguments": call.arguments}
                calls.append({"index": self._called, "id": f"call_{token_hex(12)}"} | _function(function))
                self._called += 1
        text, self._echo = self._echo + text, ""
        finish = "tool_calls" if piece.finish == "stop" and self._called else piece.finish
        tokens = tuple(score.token for score in piece.scores) if self._request.return_token_ids else ()
        return Part(piece.choice, text, calls, self._logprobs(piece), finish, tokens)

    def _logprobs(self, piece: Piece) -> dict[str, Any] | None:
        if self._request.likeliest() is None:
            return None
        if isinstance(self._request, ChatRequest):
            return self._words.chat(piece.scores)
        prompt, self._prompt_offsets = self._prompt_offsets, []
        answered = [score.token for score in piece.scores[len(prompt) :]]
        return self._words.completion(piece.scores, [*prompt, *map(self._places.of, answered)])


def _function(function: dict[str, str]) -> dict[str, Any]:
    return {"type": "function", "function": function}
