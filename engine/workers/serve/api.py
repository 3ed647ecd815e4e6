"""The HTTP side of a server: OpenAI's /v1/models, /v1/chat/completions and /v1/completions, and /health."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse

from engine.serve.disconnects import HungUpError, while_connected
from engine.workers.serve.answers import Ask, Collected, pieces
from engine.workers.serve.batch import Batch, Question
from engine.workers.serve.load import Loaded, Voice
from engine.workers.serve.prompt import chat_tokens, prompt_tokens, room
from engine.workers.serve.requests import ChatRequest, CompletionRequest, RequestError, Wanted
from engine.workers.serve.sample import Sampling

DEFAULT_CHAT_TOKENS = 1024
DEFAULT_COMPLETION_TOKENS = 16  # OpenAI's own


def create_app(loaded: Loaded, batch: Batch) -> FastAPI:
    """The app of one server. It checks no key: it listens on a Unix socket in a folder only its owner can enter."""
    app = FastAPI(title="Tunesmith model server", openapi_url=None)
    server = Server(loaded, batch)
    app.exception_handler(RequestError)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.add_api_route("/health", server.health, methods=["GET"])
    app.add_api_route("/v1/models", server.models, methods=["GET"])
    app.add_api_route("/v1/chat/completions", server.chat, methods=["POST"], response_model=None)
    app.add_api_route("/v1/completions", server.complete, methods=["POST"], response_model=None)
    return app


async def _refused(_request: Request, error: RequestError) -> JSONResponse:
    return JSONResponse(error.body, error.status)


async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return await _refused(request, RequestError(f"`{field or 'body'}`: {first['msg']}."[:500], field or None))


class Server:
    """Answers requests with what was loaded."""

    def __init__(self, loaded: Loaded, batch: Batch) -> None:
        self._loaded, self._batch = loaded, batch
        self._started = int(time.time())
        self._in_flight = 0

    async def health(self) -> dict[str, Any]:
        """Whether the server answers, and how many answers it is writing: an endpoint drains by this."""
        return {"status": "ok", "in_flight": self._in_flight}

    async def models(self) -> dict[str, Any]:
        data = [
            {"id": name, "object": "model", "created": self._started, "owned_by": "tunesmith"}
            for name in self._loaded.voices
        ]
        return {"object": "list", "data": data}

    async def chat(self, wanted: ChatRequest, request: Request) -> StreamingResponse | JSONResponse:
        voice = self._voice(wanted)
        tokens = await asyncio.to_thread(chat_tokens, self._loaded.tokenizer, wanted.messages)
        ask = Ask("chat.completion", wanted, [self._question(voice, wanted, tokens, DEFAULT_CHAT_TOKENS)])
        return await self._answer(ask, request)

    async def complete(self, wanted: CompletionRequest, request: Request) -> StreamingResponse | JSONResponse:
        voice = self._voice(wanted)
        questions = []
        for prompt in wanted.prompts():
            tokens = await asyncio.to_thread(prompt_tokens, self._loaded.tokenizer, prompt)
            questions.append(self._question(voice, wanted, tokens, DEFAULT_COMPLETION_TOKENS))
        return await self._answer(Ask("text_completion", wanted, questions), request)

    def _voice(self, wanted: Wanted) -> Voice:
        wanted.refuse_unsupported()
        if wanted.model not in self._loaded.voices:
            names = ", ".join(self._loaded.voices)
            text = f"There is no model `{wanted.model}` here. There are: {names}."
            raise RequestError(text[:500], "model", "model_not_found", 404)
        return self._loaded.voices[wanted.model]

    def _question(self, voice: Voice, wanted: Wanted, tokens: list[int], default: int) -> Question:
        most = room(tokens, wanted.most_tokens(), self._loaded.context_length, default)
        sampling = Sampling(
            temperature=1.0 if wanted.temperature is None else wanted.temperature,
            top_p=wanted.top_p or 1.0,
            seed=wanted.seed,
            frequency_penalty=wanted.frequency_penalty or 0.0,
            presence_penalty=wanted.presence_penalty or 0.0,
        )
        return Question(voice, tokens, sampling, most, _nowhere, wanted.stops(), wanted.n or 1)

    async def _answer(self, ask: Ask, request: Request) -> StreamingResponse | JSONResponse:
        if ask.wanted.stream:
            return StreamingResponse(self._stream(ask), media_type="text/event-stream")
        try:
            return JSONResponse(await while_connected(request.receive, self._whole(ask)))
        except HungUpError as error:
            raise RequestError("The client has gone.", status=499) from error

    async def _stream(self, ask: Ask) -> AsyncIterator[str]:
        self._in_flight += 1
        try:
            async with aclosing(pieces(ask, self._batch)) as answer:
                async for chunk in ask.chunks(answer):
                    yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
            yield "data: [DONE]\n\n"
        finally:
            self._in_flight -= 1

    async def _whole(self, ask: Ask) -> dict[str, Any]:
        self._in_flight += 1
        try:
            collected = Collected(ask)
            async with aclosing(pieces(ask, self._batch)) as answer:
                async for piece in answer:
                    collected.add(piece)
            return collected.body()
        finally:
            self._in_flight -= 1


def _nowhere(_index: int, _text: str, _finish: str | None) -> None:
    raise AssertionError("a question must be given a sink before it is asked")
