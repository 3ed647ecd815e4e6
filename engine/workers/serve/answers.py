"""The shapes of an answer: OpenAI's chunks, and OpenAI's whole body."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, Literal

from engine.workers.serve.batch import Asks
from engine.workers.serve.choices import Choice, Echo, Part
from engine.workers.serve.errors import RequestError
from engine.workers.serve.logprobs import Words
from engine.workers.serve.questions import Piece, Question
from engine.workers.serve.requests import GenerationRequest

Kind = Literal["chat.completion", "text_completion"]


@dataclass(frozen=True)
class Completion:
    """One request: its questions, a prompt each, and the head that every part of the answer repeats."""

    kind: Kind
    request: GenerationRequest
    questions: list[Question]
    words: Words
    echoes: list[Echo]  # what each answer begins with, one for each question
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

    def choices(self) -> list[Choice]:
        return [Choice(self.request, self.words, echo) for echo in self.echoes for _ in range(self.request.n or 1)]

    async def chunks(self, answer: AsyncIterator[Piece]) -> AsyncIterator[dict[str, Any]]:
        """The answer as a stream of OpenAI's chunks; the error chunk, when there is one, is the last."""
        tells_usage = bool(self.request.stream_options and self.request.stream_options.include_usage)
        head, choices = self.head(chunk=True) | ({"usage": None} if tells_usage else {}), self.choices()
        if self.kind == "chat.completion":
            for index in range(len(choices)):
                yield head | {
                    "choices": [_delta(Part(index, "", [], None, None), {"role": "assistant", "content": ""})]
                }
        async for piece in answer:
            if piece.finish == "error":
                yield RequestError(piece.text, status=500).body
                return
            part = choices[piece.choice].read(piece)
            if part.text or part.calls or part.finish or part.logprobs:
                yield head | {"choices": [self._chunk(part)]}
        if tells_usage:
            yield head | {"choices": [], "usage": self.usage()}

    def _chunk(self, part: Part) -> dict[str, Any]:
        if self.kind == "text_completion":
            return {"index": part.choice, "text": part.text, "logprobs": part.logprobs, "finish_reason": part.finish}
        delta: dict[str, Any] = {"content": part.text} if part.text else {}
        return _delta(part, delta | ({"tool_calls": part.calls} if part.calls else {}))


def _delta(part: Part, delta: dict[str, Any]) -> dict[str, Any]:
    return {"index": part.choice, "delta": delta, "logprobs": part.logprobs, "finish_reason": part.finish}


class Collected:
    """A whole answer, put together from its pieces."""

    def __init__(self, completion: Completion) -> None:
        self._completion = completion
        self._choices = completion.choices()
        self._parts: list[list[Part]] = [[] for _ in self._choices]

    def add(self, piece: Piece) -> None:
        """Raises RequestError (500) when the piece says that the answer failed."""
        if piece.finish == "error":
            raise RequestError(piece.text, status=500)
        self._parts[piece.choice].append(self._choices[piece.choice].read(piece))

    def body(self) -> dict[str, Any]:
        choices = [self._choice(index, parts) for index, parts in enumerate(self._parts)]
        return self._completion.head() | {"choices": choices, "usage": self._completion.usage()} | self._prompt_tokens()

    def _prompt_tokens(self) -> dict[str, Any]:
        """Of a chat; a completion tells them with each choice, as it may have several prompts."""
        is_wanted = self._completion.request.return_token_ids and self._completion.kind == "chat.completion"
        return {"prompt_token_ids": self._completion.questions[0].prompt} if is_wanted else {}

    def _choice(self, index: int, parts: list[Part]) -> dict[str, Any]:
        text = "".join(part.text for part in parts)
        end: dict[str, Any] = {"index": index, "logprobs": _joined(parts), "finish_reason": parts[-1].finish}
        if self._completion.request.return_token_ids:
            end["token_ids"] = [token for part in parts for token in part.tokens]
        if self._completion.kind == "text_completion":
            return {**end, "text": text, **self._tokens_of_prompt(index)}
        calls = [{name: call[name] for name in ("id", "type", "function")} for part in parts for call in part.calls]
        message = {"role": "assistant", "content": text or None if calls else text}
        return {**end, "message": message | ({"tool_calls": calls} if calls else {})}

    def _tokens_of_prompt(self, choice: int) -> dict[str, Any]:
        if not self._completion.request.return_token_ids:
            return {}
        question = self._completion.questions[choice // (self._completion.request.n or 1)]
        return {"prompt_token_ids": question.prompt}


def _joined(parts: list[Part]) -> dict[str, Any] | None:
    """Log-probabilities of all parts as one: lists one after the other."""
    told = [part.logprobs for part in parts if part.logprobs]
    if not told:
        return None
    lists = {name: [entry for one in told for entry in one[name]] for name in told[0] if told[0][name] is not None}
    return {**told[0], **lists}


async def pieces(completion: Completion, batch: Asks) -> AsyncGenerator[Piece]:
    """Asks every question and gives out what comes. Closing the iterator stops the computation."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Piece] = asyncio.Queue()
    open_choices = 0
    try:
        for number, question in enumerate(completion.questions):
            first_choice = number * question.n
            open_choices += question.n

            def sink(piece: Piece, first_choice: int = first_choice) -> None:
                placed = Piece(first_choice + piece.choice, piece.text, piece.finish, piece.scores)
                loop.call_soon_threadsafe(arrived.put_nowait, placed)

            question.sink = sink
        batch.ask(*completion.questions)
        while open_choices:
            piece = await arrived.get()
            open_choices -= piece.finish is not None
            yield piece
    finally:
        for question in completion.questions:
            question.cancelled = True
