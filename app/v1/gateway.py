"""The gateway: OpenAI's API under /v1 for every endpoint of the studio.

The guard in front has checked who asks. This checks what is asked, finds the backend by the model's name, and passes
the answer through as it comes. The client's key and cookies go no further than here. When the client goes away, the
request to the backend is cut, and the backend stops computing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import orjson
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from app.v1 import connections, trial
from app.v1.allowances import Allowance
from app.v1.meter import Meter
from app.v1.proxy import Passing
from app.v1.request_bodies import CLIENT_GONE, ApiError, read_request
from engine.accounts.key_limits import allows
from engine.accounts.request_log import LOG
from engine.errors import TunesmithError
from engine.finetuning import serving
from engine.serve import routing
from storage.tables import ApiKey


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    LOG.start()
    yield
    await connections.close_all()
    await anyio.to_thread.run_sync(LOG.stop)


router = APIRouter(prefix="/v1", tags=["OpenAI API"], lifespan=_lifespan)

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request is wrong; `error.message` says how. Also: it is longer than the context."},
    403: {"description": "The key may not use that model, or does not reach this call."},
    404: {"description": "No endpoint serves that model, or what answers for it has no such call."},
    413: {"description": "The body is larger than 2 MiB."},
    429: {"description": "The key's requests a minute or tokens a day are used up; `Retry-After` says for how long."},
    502: {"description": "The backend broke off, or answers with what cannot be passed on."},
    503: {"description": "The endpoint starts or wakes up, or too many wait; `Retry-After` says when to try again."},
    504: {"description": "The backend sent nothing for too long."},
}


@router.get("/models", summary="List the models that answer now")
async def list_served_models(request: Request) -> dict[str, Any]:
    """Every served name that the key may use: ENDPOINT, ENDPOINT:base, and ENDPOINT:RUN_ID for each adapter.

    Also what fine-tuning jobs have left and nothing serves yet: the first request starts it.
    """
    return {"object": "list", "data": await anyio.to_thread.run_sync(_models_for, request)}


@router.get("/models/{model:path}", summary="Look up one model", responses={404: _ERRORS[404]})
async def show_served_model(request: Request, model: str) -> Response:
    """One entry of the list."""
    listed = await anyio.to_thread.run_sync(_models_for, request)
    served_model = next((entry for entry in listed if entry["id"] == model), None)
    if served_model is None:
        return ApiError(f"There is no model `{model[:100]}` here.", 404, "model", "model_not_found").response()
    return Response(orjson.dumps(served_model), media_type="application/json")


def _models_for(request: Request) -> list[dict[str, object]]:
    key = _key_of(request)
    models = key.models if key else None
    listed = [*routing.served_models(), *serving.offered()]
    return [entry for entry in listed if allows(models, str(entry["id"]))]


@router.post("/chat/completions", summary="Answer a chat", responses=_ERRORS, response_class=Response)
async def create_chat_completion(request: Request) -> Response:
    """As OpenAI's: `model`, `messages`, `stream`, `temperature`, `top_p`, `max_tokens`, `stop`, `seed`, `n` up to 8."""
    return await pass_on(request, "chat/completions")


@router.post("/completions", summary="Continue a text", responses=_ERRORS, response_class=Response)
async def create_completion(request: Request) -> Response:
    """As OpenAI's: `model`, `prompt`, `stream`, `temperature`, `top_p`, `max_tokens`, `stop`, `seed`, `n` up to 8."""
    return await pass_on(request, "completions")


@router.post("/embeddings", summary="Embed texts", responses=_ERRORS, response_class=Response)
async def create_embedding(request: Request) -> Response:
    """As OpenAI's: from the studio's own server, and from others that have embeddings."""
    return await pass_on(request, "embeddings")


@router.post("/responses", summary="Answer, by the Responses API", responses=_ERRORS, response_class=Response)
async def create_response(request: Request) -> Response:
    """As OpenAI's, where the backend has it: vLLM, or an outside one. Nothing is kept between two calls."""
    return await pass_on(request, "responses")


@router.post("/score", summary="Score answers", responses=_ERRORS, response_class=Response)
async def create_score(request: Request) -> Response:
    """As vLLM's: `model`, a question `text_1` and one or more answers `text_2`, scored by a reward model."""
    return await pass_on(request, "score")


@router.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
async def nothing_else(request: Request, path: str) -> Response:
    """Backends have more routes than these; none of them is reached from outside."""
    return ApiError(f"There is no {request.method} /v1/{path[:100]} here.", 404).response()


async def pass_on(request: Request, route: str) -> Response:
    """The answer to one of the calls above, errors included."""
    allowance = Allowance(_key_of(request))
    meter = Meter(route, allowance)
    try:
        allowance.admit()
        body = await read_request(request, route)
        meter.asked(body)
        added = await allowance.reserve(route, body)
        await _fresh_routes()
        if serving.is_asked_for(body.model):
            await anyio.to_thread.run_sync(serving.begin, body.model)
        await trial.until_ready(request, body.model)
        return await Passing(request, route, body, meter).answer(added, allowance.headers())
    except ApiError as error:
        refused = error
    except TunesmithError as error:
        refused = ApiError.of(error)
    except BaseException as error:  # raised again: what was reserved must be given back
        meter.end(CLIENT_GONE if isinstance(error, asyncio.CancelledError) else 500)
        raise
    meter.end(refused.status)
    return refused.response(allowance.headers())


def _key_of(request: Request) -> ApiKey | None:
    """The API key that the guard in front has found; None for the owner's session or token."""
    key: ApiKey | None = request.scope.get("state", {}).get("key")
    return key


async def _fresh_routes() -> None:
    if routing.stale():
        await anyio.to_thread.run_sync(routing.refresh)
