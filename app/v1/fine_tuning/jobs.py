"""/v1/fine_tuning/jobs: trainings started and followed by programs that speak OpenAI's API."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.v1.fine_tuning import calls, shapes
from app.v1.fine_tuning.files import ERRORS
from app.v1.request_bodies import ApiError
from engine.finetuning import asked, jobs, story
from engine.finetuning.wrong import ParameterError
from engine.runs import runs

router = APIRouter(prefix="/v1/fine_tuning/jobs", tags=["OpenAI API"])

MOST, MOST_EVENTS = 100, 1000
_FIELDS = {
    "type": "object",
    "required": [name for name, field in asked.Asked.model_fields.items() if field.is_required()],
    "properties": {
        name: {"description": "As OpenAI's; docs/openai.md has its limits."} for name in asked.Asked.model_fields
    },
    "additionalProperties": False,
}
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": _FIELDS}}}}


@router.post("", summary="Start a fine-tuning job", responses=ERRORS, response_class=Response, openapi_extra=_BODY)
async def create_job(request: Request) -> Response:
    """As OpenAI's, with the methods supervised and dpo. It waits while its files are read, then starts by itself."""
    try:
        body = await calls.body_of(request)
    except ApiError as error:
        return error.response()
    key = request.headers.get("idempotency-key")
    return await calls.answered(lambda: shapes.job(jobs.create(asked.parse(body), key and f"openai-{key[:200]}")))


@router.get("", summary="List fine-tuning jobs", responses=ERRORS, response_class=Response)
async def list_jobs(request: Request) -> Response:
    """As OpenAI's: `after`, `limit` and `metadata[NAME]`; the newest first."""
    return await calls.answered(lambda: _listed(request))


def _listed(request: Request) -> dict[str, Any]:
    limit = calls.limit_of(request, 20, MOST)
    known = jobs.listed(limit + 1, request.query_params.get("after"), _labels(request))
    return shapes.page(shapes.jobs(known), limit)


def _labels(request: Request) -> dict[str, str]:
    labels = {}
    for name, value in request.query_params.items():
        if name.startswith("metadata["):
            label = name.removeprefix("metadata[").removesuffix("]")
            if not label or not label.isprintable() or set(label) & set('"\\'):
                raise ParameterError(f"`{name:.80}` cannot be looked for.", name[:80])
            labels[label] = value
    return labels


@router.get("/{job_id}", summary="Look up a fine-tuning job", responses=ERRORS, response_class=Response)
async def show_job(job_id: str) -> Response:
    """`validating_files`, `queued`, `running`, `paused`, `succeeded`, `failed` or `cancelled`."""
    return await calls.answered(lambda: shapes.job(jobs.look_up(job_id)))


@router.post("/{job_id}/cancel", summary="Cancel a fine-tuning job", responses=ERRORS, response_class=Response)
async def cancel_job(job_id: str) -> Response:
    """Ends it for good. Its run keeps what it has saved."""
    return await calls.answered(lambda: shapes.job(jobs.cancel(job_id)))


@router.post("/{job_id}/pause", summary="Pause a fine-tuning job", responses=ERRORS, response_class=Response)
async def pause_job(job_id: str) -> Response:
    """It saves a checkpoint and gives its device back."""
    return await calls.answered(lambda: shapes.job(jobs.pause(job_id)))


@router.post("/{job_id}/resume", summary="Resume a fine-tuning job", responses=ERRORS, response_class=Response)
async def resume_job(job_id: str) -> Response:
    """Goes on from the checkpoint."""
    return await calls.answered(lambda: shapes.job(jobs.resume(job_id)))


@router.get("/{job_id}/events", summary="Events of a fine-tuning job", responses=ERRORS, response_class=Response)
async def list_job_events(job_id: str, request: Request) -> Response:
    """States, and the numbers of each step, the newest first: `after` and `limit`."""

    def listed() -> dict[str, Any]:
        limit = calls.limit_of(request, 20, MOST_EVENTS)
        told = story.newest_first(jobs.look_up(job_id), limit + 1, request.query_params.get("after"))
        return shapes.page([shapes.event(event) for event in told], limit)

    return await calls.answered(listed)


@router.get("/{job_id}/checkpoints", summary="Checkpoints of a job", responses=ERRORS, response_class=Response)
async def list_job_checkpoints(job_id: str, request: Request) -> Response:
    """Those that are kept and whole, the newest first, each with the name that /v1/chat/completions knows it by."""

    def listed() -> dict[str, Any]:
        limit, after = calls.limit_of(request, 10, MOST), request.query_params.get("after")
        known = jobs.look_up(job_id)
        saved = runs.checkpoints(known.run.id) if known.run is not None else []
        entries = [shapes.checkpoint(known, entry) for entry in reversed(saved) if entry["good"]]
        ids = [entry["id"] for entry in entries]
        if after and after not in ids:
            raise ParameterError(f"`after` is `{after:.80}`, and there is no such checkpoint.", "after")
        return shapes.page(entries[ids.index(after) + 1 if after else 0 :][: limit + 1], limit)

    return await calls.answered(listed)
