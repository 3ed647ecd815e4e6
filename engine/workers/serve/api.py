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
from engine.workers.serve.answers import Collected, Completion, pieces
from engine.workers.serve.batch import Batch, Question
from engine.workers.serve.load import Loaded, Voice
from engine.workers.serve.prompt import answer_room, chat_tokens, prompt_tokens, refuse_unknown
from engine.workers.serve.requests import ChatRequest, CompletionRequest, GenerationRequest, RequestError
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

    async def chat(self, body: ChatRequest, request: Request) -> StreamingResponse | JSONResponse:
        voice = self._voice(body)
        tokens = await asyncio.to_thread(chat_tokens, self._loaded.tokenizer, body.messages)
        completion = Completion("chat.completion", body, [self._question(voice, body, tokens, DEFAULT_CHAT_TOKENS)])
        return await self._answer(completion, request)

    async def complete(self, body: CompletionRequest, request: Request) -> StreamingResponse | JSONResponse:
        voice = self._voice(body)
        questions = []
        for prompt in body.prompts():
            tokens = await asyncio.to_thread(prompt_tokens, self._loaded.tokenizer, prompt)
            questions.append(self._question(voice, body, tokens, DEFAULT_COMPLETION_TOKENS))
        return await self._answer(Completion("text_completion", body, questions), request)

    def _voice(self, body: GenerationRequest) -> Voice:
        body.refuse_unsupported()
        if body.model not in self._loaded.voices:
            names = ", ".join(self._loaded.voices)
            text = f"There is no model `{body.model}` here. There are: {names}."
            raise RequestError(text[:500], "model", "model_not_found", 404)
        return self._loaded.voices[body.model]

    def _question(self, voice: Voice, body: GenerationRequest, tokens: list[int], default: int) -> Question:
        refuse_unknown(self._loaded.tokenizer, tokens, voice.rows)
        max_tokens = answer_room(tokens, body.requested_tokens(), self._loaded.context_length, default)
        sampling = Sampling(
            temperature=1.0 if body.temperature is None else body.temperature,
            top_p=body.top_p or 1.0,
            seed=body.seed,
            frequency_penalty=body.frequency_penalty or 0.0,
            presence_penalty=body.presence_penalty or 0.0,
        )
        return Question(voice, tokens, sampling, max_tokens, _no_sink, body.stops(), body.n or 1)

    async def _answer(self, completion: Completion, request: Request) -> StreamingResponse | JSONResponse:
        if completion.request.stream:
            return StreamingResponse(self._stream(completion), media_type="text/event-stream")
        try:
            return JSONResponse(await while_connected(request.receive, self._whole(completion)))
        except HungUpError as error:
            raise RequestError("The client has gone.", status=499) from error

    async def _stream(self, completion: Completion) -> AsyncIterator[str]:
        self._in_flight += 1
        try:
            async with aclosing(pieces(completion, self._batch)) as answer:
                async for chunk in completion.chunks(answer):
                    yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
            yield "data: [DONE]\n\n"
        finally:
            self._in_flight -= 1

    async def _whole(self, completion: Completion) -> dict[str, Any]:
        self._in_flight += 1
        try:
            collected = Collected(completion)
            async with aclosing(pieces(completion, self._batch)) as answer:
                async for piece in answer:
                    collected.add(piece)
            return collected.body()
        finally:
            self._in_flight -= 1


def _no_sink(_index: int, _text: str, _finish: str | None) -> None:
    raise AssertionError("a question must be given a sink before it is asked")
