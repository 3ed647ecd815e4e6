"""The gateway: OpenAI's API under /v1 for every endpoint of the studio.

The guard in front has checked who asks. This checks what is asked, finds the backend by the model's name, and passes
the answer through as it comes. The client's key and cookies go no further than here. When the client goes away, the
request to the backend is cut, and the backend stops computing.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from app.v1 import connections, traffic, trial
from app.v1.proxy import Passing
from app.v1.request_bodies import ApiError, read_request
from engine.errors import TunesmithError
from engine.serve import routing


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield
    await connections.close_all()


router = APIRouter(prefix="/v1", tags=["OpenAI API"], lifespan=_lifespan)

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request is wrong; `error.message` says how. Also: it is longer than the context."},
    404: {"description": "No endpoint serves that model."},
    413: {"description": "The body is larger than 2 MiB."},
    502: {"description": "The backend broke off, or answers with what cannot be passed on."},
    503: {"description": "The endpoint is starting, restarting or waking up; `Retry-After` says when to try again."},
    504: {"description": "An outside server sent nothing for too long."},
}


@router.get("/models", summary="List the models that answer now")
async def list_models() -> dict[str, Any]:
    """Every served name: ENDPOINT, ENDPOINT:base, and ENDPOINT:RUN_ID for each adapter."""
    await _fresh_routes()
    return {"object": "list", "data": routing.served_models()}


@router.get("/models/{model:path}", summary="Look up one model", responses={404: _ERRORS[404]})
async def one_model(model: str) -> Response:
    """One entry of the list."""
    await _fresh_routes()
    served_model = next((entry for entry in routing.served_models() if entry["id"] == model), None)
    if served_model is None:
        return ApiError(f"There is no model `{model[:100]}` here.", 404, "model", "model_not_found").response()
    return Response(orjson.dumps(served_model), media_type="application/json")


@router.post("/chat/completions", summary="Answer a chat", responses=_ERRORS, response_class=Response)
async def chat_completions(request: Request) -> Response:
    """As OpenAI's: `model`, `messages`, `stream`, `temperature`, `top_p`, `max_tokens`, `stop`, `seed`, `n` up to 8."""
    return await _pass_on(request, "chat/completions")


@router.post("/completions", summary="Continue a text", responses=_ERRORS, response_class=Response)
async def completions(request: Request) -> Response:
    """As OpenAI's: `model`, `prompt`, `stream`, `temperature`, `top_p`, `max_tokens`, `stop`, `seed`, `n` up to 8."""
    return await _pass_on(request, "completions")


@router.post("/embeddings", summary="Embed texts", responses=_ERRORS, response_class=Response)
async def embeddings(request: Request) -> Response:
    """As OpenAI's: from the studio's own server, and from others that have embeddings."""
    return await _pass_on(request, "embeddings")


@router.post("/score", summary="Score answers", responses=_ERRORS, response_class=Response)
async def score(request: Request) -> Response:
    """As vLLM's: `model`, a question `text_1` and one or more answers `text_2`, scored by a reward model."""
    return await _pass_on(request, "score")


@router.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
async def nothing_else(path: str) -> Response:
    """Backends have more routes than these; none of them is reached from outside."""
    return ApiError(f"There is no /v1/{path[:100]} here.", 404).response()


async def _pass_on(request: Request, route: str) -> Response:
    began = time.perf_counter()
    try:
        body = await read_request(request)
        await _fresh_routes()
        await trial.until_ready(request, body.model)
        return await Passing(request, route, body, began).answer()
    except ApiError as error:
        refused = error
    except TunesmithError as error:
        refused = ApiError.of(error)
    traffic.REQUESTS.labels(route, str(refused.status)).inc()
    return refused.response()


async def _fresh_routes() -> None:
    if routing.stale():
        await anyio.to_thread.run_sync(routing.refresh)
