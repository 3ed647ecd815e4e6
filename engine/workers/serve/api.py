"""The HTTP side of a server: OpenAI's API under /v1, vLLM's /v1/score, and /health."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from engine.serve.disconnects import HungUpError, while_connected
from engine.workers.serve import asking
from engine.workers.serve.answers import Collected, Completion, pieces
from engine.workers.serve.batch import Asks, Batch
from engine.workers.serve.choices import Echo
from engine.workers.serve.errors import RequestError
from engine.workers.serve.forms.grammars import Grammars
from engine.workers.serve.hot import HotAdapters
from engine.workers.serve.load import Loaded, Voice
from engine.workers.serve.logprobs import Places, Words
from engine.workers.serve.pooled.answers import PooledAnswers, scores_only
from engine.workers.serve.pooled.reader import Pooling
from engine.workers.serve.pooled.scorer import Scorer
from engine.workers.serve.prompt import chat_tokens, prompt_tokens, token_places
from engine.workers.serve.requests import ChatRequest, CompletionRequest
from engine.workers.serve.template_process import TemplateProcess

DEFAULT_CHAT_TOKENS = 1024
DEFAULT_COMPLETION_TOKENS = 16  # OpenAI's own


def create_app(
    loaded: Loaded, batch: Batch, templates: TemplateProcess | None, pooling: Pooling | None = "last"
) -> FastAPI:
    """The app of one server. It checks no key: it listens on a Unix socket in a folder only its owner can enter."""
    app, server = writing_app(loaded, batch, templates)
    adapters = HotAdapters(loaded, batch)
    app.add_api_route("/v1/load_lora_adapter", adapters.load, methods=["POST"])
    app.add_api_route("/v1/unload_lora_adapter", adapters.unload, methods=["POST"])
    pooled = PooledAnswers(loaded, batch, templates, server, pooling)
    app.add_api_route("/v1/embeddings", pooled.embed, methods=["POST"], response_model=None)
    app.add_api_route("/v1/score", pooled.score, methods=["POST"], response_model=None)
    return app


def writing_app(loaded: Loaded, batch: Asks, templates: TemplateProcess | None) -> tuple[FastAPI, "Server"]:
    """The app with what writes text alone: neither adapters, nor vectors, nor scores."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        if templates:  # a chat that is being written would keep a thread, and with it the end, waiting
            templates.close()

    app = FastAPI(title="Tunesmith model server", openapi_url=None, lifespan=lifespan)
    server = Server(loaded, batch, templates)
    app.exception_handler(RequestError)(_refused)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_not_here)
    app.add_api_route("/health", server.health, methods=["GET"])
    app.add_api_route("/v1/models", server.models, methods=["GET"])
    app.add_api_route("/v1/models/{name:path}", server.model, methods=["GET"])
    app.add_api_route("/v1/chat/completions", server.chat, methods=["POST"], response_model=None)
    app.add_api_route("/v1/completions", server.complete, methods=["POST"], response_model=None)
    return app, server


async def _refused(_request: Request, error: RequestError) -> JSONResponse:
    return JSONResponse(error.body, error.status)


async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return await _refused(request, RequestError("The body is not JSON."))
    if first["type"] == "extra_forbidden":
        field = ".".join(map(str, first["loc"][1:]))[:100]
        text = f"`{field}` is not a field that this server knows."
        return await _refused(request, RequestError(text, field, "unknown_parameter"))
    field = ".".join(str(part) for part in first["loc"][1:] if _is_in_the_body(part))
    message = first["msg"].removeprefix("Value error, ")
    return await _refused(request, RequestError(f"`{field or 'body'}`: {message}."[:500], field or None))


def _is_in_the_body(part: str | int) -> bool:
    """pydantic also names which of several types it tried, such as `str` or `list[str]`."""
    return isinstance(part, int) or not (part in ("str", "int", "float") or set(part) & set("[]()-"))


async def _not_here(request: Request, error: HTTPException) -> JSONResponse:
    text = f"There is no {request.method} {request.url.path[:100]} here."
    return await _refused(
        request, RequestError(text if error.status_code == 404 else error.detail, status=error.status_code)
    )


class Server:
    """Answers requests with what was loaded."""

    def __init__(self, loaded: Loaded, batch: Asks, templates: TemplateProcess | None) -> None:
        self._loaded, self._batch, self._templates = loaded, batch, templates
        self._words = Words(loaded.tokenizer)
        self._grammars = Grammars(loaded.tokenizer)
        self._started = int(time.time())
        self._in_flight = 0

    async def health(self) -> dict[str, Any]:
        """Whether the server answers, and how many answers it is writing: an endpoint drains by this."""
        return {"status": "ok", "in_flight": self._in_flight}

    async def models(self) -> dict[str, Any]:
        return {"object": "list", "data": [self._entry(name) for name in self._loaded.voices]}

    async def model(self, name: str) -> dict[str, Any]:
        self.voice(name)
        return self._entry(name)

    def _entry(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._started, "owned_by": "tunesmith"}

    async def chat(self, body: ChatRequest, request: Request) -> StreamingResponse | JSONResponse:
        self._check_writes(body.model)
        tokens = await chat_tokens(self._loaded.tokenizer, self._templates, body)
        grammar = await self._grammars.grammar(body.form())
        question = asking.question(self._loaded, body, tokens, DEFAULT_CHAT_TOKENS, grammar)
        return await self._answer(Completion("chat.completion", body, [question], self._words, [Echo()]), request)

    async def complete(self, body: CompletionRequest, request: Request) -> StreamingResponse | JSONResponse:
        self._check_writes(body.model)
        questions, echoes = [], []
        grammar = await self._grammars.grammar(body.form())
        for prompt in body.prompts():
            adds_special = body.add_special_tokens is not False
            tokens = await asyncio.to_thread(prompt_tokens, self._loaded.tokenizer, prompt, adds_special)
            questions.append(asking.question(self._loaded, body, tokens, DEFAULT_COMPLETION_TOKENS, grammar))
            echoes.append(await asyncio.to_thread(self._echo, prompt, tokens, body))
        return await self._answer(Completion("text_completion", body, questions, self._words, echoes), request)

    def _echo(self, prompt: str | list[int], tokens: list[int], body: CompletionRequest) -> Echo:
        if not body.echo:
            return Echo()
        text = prompt if isinstance(prompt, str) else str(self._loaded.tokenizer.decode(prompt))
        if not body.tells_prompt():
            return Echo(text)
        if isinstance(prompt, str):
            return Echo(
                text, token_places(self._loaded.tokenizer, prompt, tokens, body.add_special_tokens is not False)
            )
        places = Places(self._words, 0, shows_special=True)
        return Echo(text, [places.of(token) for token in tokens])

    def voice(self, name: str) -> Voice:
        """What answers to a name. Raises RequestError (404)."""
        if name not in self._loaded.voices:
            names = ", ".join(self._loaded.voices)
            text = f"There is no model `{name[:200]}` here. There are: {names}."
            raise RequestError(text[:500], "model", "model_not_found", 404)
        return self._loaded.voices[name]

    def _check_writes(self, name: str) -> None:
        if isinstance(self.voice(name), Scorer):
            raise scores_only(name)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Counts an answer that is being written."""
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    async def _answer(self, completion: Completion, request: Request) -> StreamingResponse | JSONResponse:
        if completion.request.stream:
            return StreamingResponse(self._stream(completion), media_type="text/event-stream")
        try:
            return JSONResponse(await while_connected(request.receive, self._whole(completion)))
        except HungUpError as error:
            raise RequestError("The client has gone.", status=499) from error

    async def _stream(self, completion: Completion) -> AsyncIterator[str]:
        with self.busy():
            async with aclosing(pieces(completion, self._batch)) as answer:
                async for chunk in completion.chunks(answer):
                    yield f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"
            yield "data: [DONE]\n\n"

    async def _whole(self, completion: Completion) -> dict[str, Any]:
        with self.busy():
            collected = Collected(completion)
            async with aclosing(pieces(completion, self._batch)) as answer:
                async for piece in answer:
                    collected.add(piece)
            return collected.body()
