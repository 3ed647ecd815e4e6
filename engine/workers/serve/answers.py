"""The shapes of an answer: pieces as they come from the batch, OpenAI's chunks, and OpenAI's whole body."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, Literal

from engine.workers.serve.batch import Batch, Finish, Question
from engine.workers.serve.requests import GenerationRequest, RequestError

Kind = Literal["chat.completion", "text_completion"]


@dataclass(frozen=True)
class Piece:
    """New text of one choice; with `finish`, its last."""

    choice: int
    text: str
    finish: Finish | None


@dataclass(frozen=True)
class Completion:
    """One request: its questions, a prompt each, and the head that every part of the answer repeats."""

    kind: Kind
    request: GenerationRequest
    questions: list[Question]
    id: str = field(default_factory=lambda: token_hex(12))
    created: int = field(default_factory=lambda: int(time.time()))

    def head(self, chunk: bool = False) -> dict[str, Any]:
        prefix = "chatcmpl" if self.kind == "chat.completion" else "cmpl"
        kind = "chat.completion.chunk" if chunk and self.kind == "chat.completion" else self.kind
        return {"id": f"{prefix}-{self.id}", "object": kind, "created": self.created, "model": self.request.model}

    def usage(self) -> dict[str, int]:
        prompt = sum(len(question.prompt) for question in self.questions)
        completion = sum(question.produced for question in self.questions)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    async def chunks(self, answer: AsyncIterator[Piece]) -> AsyncIterator[dict[str, Any]]:
        """The answer as a stream of OpenAI's chunks; the error chunk, when there is one, is the last."""
        head = self.head(chunk=True)
        if self.kind == "chat.completion":
            for choice in range(self.request.n or 1):
                yield head | {"choices": [_delta(choice, {"role": "assistant", "content": ""}, None)]}
        async for piece in answer:
            if piece.finish == "error":
                yield RequestError(piece.text, status=500).body
                return
            yield head | {"choices": [self._part(piece)]}
        if self.request.stream_options and self.request.stream_options.include_usage:
            yield head | {"choices": [], "usage": self.usage()}

    def _part(self, piece: Piece) -> dict[str, Any]:
        if self.kind == "chat.completion":
            return _delta(piece.choice, {"content": piece.text} if piece.text else {}, piece.finish)
        return {"index": piece.choice, "text": piece.text, "logprobs": None, "finish_reason": piece.finish}


def _delta(choice: int, delta: dict[str, str], finish: Finish | None) -> dict[str, Any]:
    return {"index": choice, "delta": delta, "logprobs": None, "finish_reason": finish}


class Collected:
    """A whole answer, put together from its pieces."""

    def __init__(self, completion: Completion) -> None:
        self._completion = completion
        self._texts: dict[int, list[str]] = {}
        self._finish: dict[int, str | None] = {}

    def add(self, piece: Piece) -> None:
        """Raises RequestError (500) when the piece says that the answer failed."""
        if piece.finish == "error":
            raise RequestError(piece.text, status=500)
        self._texts.setdefault(piece.choice, []).append(piece.text)
        self._finish[piece.choice] = piece.finish

    def body(self) -> dict[str, Any]:
        choices = [self._choice(index, "".join(self._texts[index])) for index in sorted(self._texts)]
        return self._completion.head() | {"choices": choices, "usage": self._completion.usage()}

    def _choice(self, index: int, text: str) -> dict[str, Any]:
        end = {"index": index, "logprobs": None, "finish_reason": self._finish[index]}
        if self._completion.kind == "chat.completion":
            return {**end, "message": {"role": "assistant", "content": text}}
        return {**end, "text": text}


async def pieces(completion: Completion, batch: Batch) -> AsyncGenerator[Piece]:
    """Asks every question and gives out what comes. Closing the iterator stops the computation."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Piece] = asyncio.Queue()
    open_choices = 0
    try:
        for number, question in enumerate(completion.questions):
            first_choice = number * question.n
            open_choices += question.n

            def sink(index: int, text: str, finish: Finish | None, first_choice: int = first_choice) -> None:
                loop.call_soon_threadsafe(arrived.put_nowait, Piece(first_choice + index, text, finish))

            question.sink = sink
            batch.ask(question)
        while open_choices:
            piece = await arrived.get()
            open_choices -= piece.finish is not None
            yield piece
    finally:
        for question in completion.questions:
            question.cancelled = True
