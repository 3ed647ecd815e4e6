"""The routes for embeddings and scores: OpenAI's /v1/embeddings and vLLM's /v1/score."""

import asyncio
import base64
import math
import struct
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from secrets import token_hex
from typing import Any, Protocol

from fastapi import Request
from fastapi.responses import JSONResponse

from engine.serve.disconnects import HungUpError, while_connected
from engine.workers.serve.batch import Batch
from engine.workers.serve.errors import RequestError
from engine.workers.serve.load import Loaded, Voice
from engine.workers.serve.pooled.reader import Pooling, Text, TextLane
from engine.workers.serve.pooled.requests import EmbeddingRequest, ScoreRequest
from engine.workers.serve.pooled.scorer import Scorer
from engine.workers.serve.prompt import NO_TEMPLATE, answer_room, prompt_tokens, refuse_unknown
from engine.workers.serve.reading import groups
from engine.workers.serve.template_process import TemplateProcess


class Served(Protocol):
    """The part of a server that is needed here."""

    def voice(self, name: str) -> Voice:
        """What answers to a name. Raises RequestError."""

    def busy(self) -> AbstractContextManager[None]:
        """Counts an answer that is being written."""


class PooledAnswers:
    """Answers requests for numbers. `pooling` is None where the model's own way is not known."""

    def __init__(
        self, loaded: Loaded, batch: Batch, templates: TemplateProcess | None, served: Served, pooling: Pooling | None
    ) -> None:
        self._loaded, self._batch, self._templates, self._served = loaded, batch, templates, served
        self._pooling = pooling

    async def embed(self, body: EmbeddingRequest, request: Request) -> JSONResponse:
        voice = self._served.voice(body.model)
        if isinstance(voice, Scorer):
            raise scores_only(body.model)
        if self._pooling is None:
            text = "The model's 1_Pooling/config.json wants its vectors pooled in a way that this server does not know."
            raise RequestError(f"{text} It knows mean_tokens and lasttoken.", "model", "unsupported_parameter")
        size = int(voice.network.config.get_text_config().hidden_size)
        if body.dimensions and body.dimensions > size:
            raise RequestError(f"`dimensions` is {body.dimensions}; the model has {size}.", "dimensions")
        tokens = []
        for given in body.texts():
            adds_special = body.add_special_tokens
            tokens.append(await asyncio.to_thread(prompt_tokens, self._loaded.tokenizer, given, adds_special))
        vectors = await self._read(voice, tokens, self._pooling, request)
        data = [
            {"object": "embedding", "index": index, "embedding": _written(_cut(vector, body.dimensions), body)}
            for index, vector in enumerate(vectors)
        ]
        return _list("embd", body.model, data, tokens)

    async def score(self, body: ScoreRequest, request: Request) -> JSONResponse:
        """Each answer as the assistant's turn after the question, in the chat template of the training."""
        voice = self._served.voice(body.model)
        if not isinstance(voice, Scorer):
            text = f"`{body.model}` writes answers and gives no scores. Serve a run of the method `reward`."
            raise RequestError(text, "model", "unsupported_parameter")
        if self._templates is None:
            raise RequestError(NO_TEMPLATE, "model", "no_chat_template")
        tokens = []
        for question, answer in body.pairs():
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            chat = await self._templates.text({"messages": turns, "add_generation_prompt": False})
            tokens.append(await asyncio.to_thread(prompt_tokens, self._loaded.tokenizer, chat, False))
        scores = [score for (score,) in await self._read(voice, tokens, "last", request)]
        if body.use_activation:
            scores = [1 / (1 + math.exp(-max(min(score, 500.0), -500.0))) for score in scores]
        data = [{"index": index, "object": "score", "score": score} for index, score in enumerate(scores)]
        return _list("score", body.model, data, tokens)

    async def _read(
        self, voice: Voice, texts: list[list[int]], pooling: Pooling, request: Request
    ) -> list[list[float]]:
        for tokens in texts:
            refuse_unknown(self._loaded.tokenizer, tokens, voice.rows)
            answer_room(tokens, 0, self._loaded.context_length, 0)
        loop = asyncio.get_running_loop()
        arrived: list[asyncio.Future[list[float] | str]] = [loop.create_future() for _ in texts]
        jobs = [Text(tokens, _sink(loop, future)) for tokens, future in zip(texts, arrived, strict=True)]
        lanes = [TextLane(voice, [jobs[n] for n in group], pooling) for group in groups([len(text) for text in texts])]
        with self._served.busy():
            try:
                self._batch.read(lanes)
                results = await while_connected(request.receive, _all(arrived))
            except HungUpError as error:
                raise RequestError("The client has gone.", status=499) from error
            finally:
                for lane in lanes:
                    lane.cancelled = True
        if failures := [result for result in results if isinstance(result, str)]:
            raise RequestError(failures[0], status=500)
        return [result for result in results if not isinstance(result, str)]


def scores_only(name: str) -> RequestError:
    """For who wants words, or vectors, of a reward model."""
    text = f"`{name[:200]}` is a reward model: it scores answers at /v1/score, and writes none."
    return RequestError(text, "model", "scores_only")


async def _all(arrived: Sequence["asyncio.Future[list[float] | str]"]) -> list[list[float] | str]:
    return list(await asyncio.gather(*arrived))


def _sink(loop: asyncio.AbstractEventLoop, future: "asyncio.Future[list[float] | str]") -> Any:
    def settle(result: list[float] | str) -> None:
        if not future.done():
            future.set_result(result)

    return lambda result: loop.call_soon_threadsafe(settle, result)


def _cut(vector: list[float], dimensions: int | None) -> list[float]:
    if not dimensions:
        return vector
    length = math.hypot(*vector[:dimensions]) or 1.0
    return [part / length for part in vector[:dimensions]]


def _written(vector: list[float], body: EmbeddingRequest) -> list[float] | str:
    """OpenAI's base64: float32, little-endian."""
    if body.encoding_format == "float":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _list(prefix: str, model: str, data: list[dict[str, Any]], texts: Sequence[list[int]]) -> JSONResponse:
    read = sum(map(len, texts))
    head = {"id": f"{prefix}-{token_hex(12)}", "object": "list", "created": int(time.time()), "model": model}
    return JSONResponse({**head, "data": data, "usage": {"prompt_tokens": read, "total_tokens": read}})
