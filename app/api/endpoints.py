"""Endpoints over REST."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from app.api.errors import CONFLICT, NOT_FOUND
from app.api.fields import Answer, Body, Limit, Name, Offset, PathId, ProjectFilter, RowId, total
from engine import endpoints
from storage import db
from storage import endpoints as stored
from storage.tables import DEFAULT_PROJECT, EndpointStatus

router = APIRouter(tags=["endpoints"])

Backend = Literal["transformers", "vllm", "external"]
Options = Annotated[
    dict[str, Any], Field(description="What the backend is started with, in the backend's own names; mostly empty.")
]
Adapters = Annotated[
    list[RowId], Field(max_length=32, description="Runs whose adapters are served; the first is the default.")
]
ModelId = Annotated[
    RowId | None, Field(description="The base model; the one of the first adapter's run when left out.")
]


class EndpointAnswer(Answer):
    id: str = Field(description="The endpoint's id.")
    project_id: str = Field(description="The project it belongs to.")
    name: str = Field(description="The name that callers of /v1 use as the model.")
    status: EndpointStatus = Field(description="queued, starting, ready, draining, stopped or failed.")
    backend: str | None = Field(default=None, description="What answers: transformers, vllm or external.")
    model_id: str | None = Field(default=None, description="The base model.")
    adapters: list[str] = Field(default=[], description="The runs whose adapters are served.")
    models: list[str] = Field(default=[], description="Every name it answers to on /v1.")
    error: str | None = Field(default=None, description="Why it failed.")
    hint: str | None = Field(default=None, description="What to do about it.")
    created_at: float = Field(description="Seconds since 1970, UTC.")


class DeployBody(Body):
    backend: Backend = Field(default="transformers", description="What shall answer.")
    model_id: ModelId = None
    adapters: Adapters = []
    options: Options = {}


class EndpointBody(DeployBody):
    name: Name = Field(description="The name that callers of /v1 will use as the model.")
    project_id: RowId = Field(default=DEFAULT_PROJECT, description="The project it shall belong to.")


@router.get("/endpoints", summary="List endpoints")
def list_endpoints(
    response: Response, project_id: ProjectFilter = None, offset: Offset = 0, limit: Limit = 100
) -> list[EndpointAnswer]:
    """The endpoints, newest first. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        rows = stored.recent(session, project_id)
    total(response, len(rows))
    return [_answer(row) for row in rows[offset : offset + limit]]


@router.post("/endpoints", status_code=201, summary="Create an endpoint", responses=NOT_FOUND | CONFLICT)
def create_endpoint(body: EndpointBody) -> EndpointAnswer:
    """Starts a backend for a model, with any adapters, under a name on /v1."""
    made = endpoints.create_endpoint(
        body.name, body.backend, body.model_id, tuple(body.adapters), body.options, body.project_id
    )
    return _answer(made)


@router.post("/runs/{id}/serve", status_code=201, summary="Serve a run", responses=NOT_FOUND | CONFLICT)
def serve_run(run_id: PathId) -> EndpointAnswer:
    """Serves what the run left, or answers with the endpoint that serves it already."""
    return _answer(endpoints.serve_run(run_id))


@router.get("/endpoints/{id}", summary="Show an endpoint", responses=NOT_FOUND)
def show_endpoint(endpoint_id: PathId) -> EndpointAnswer:
    """One endpoint."""
    return _answer(endpoints.look_up(endpoint_id))


@router.post("/endpoints/{id}/deploy", summary="Deploy another backend", responses=NOT_FOUND | CONFLICT)
def deploy(endpoint_id: PathId, body: DeployBody) -> EndpointAnswer:
    """Starts another backend beside the one that answers, and switches over when it is ready."""
    endpoints.deploy(endpoint_id, body.backend, body.model_id, tuple(body.adapters), body.options)
    return _answer(endpoints.look_up(endpoint_id))


@router.post("/endpoints/{id}/rollback", summary="Go back", responses=NOT_FOUND | CONFLICT)
def rollback(endpoint_id: PathId) -> EndpointAnswer:
    """Deploys what answered before the last switch."""
    endpoints.rollback(endpoint_id)
    return _answer(endpoints.look_up(endpoint_id))


@router.post("/endpoints/{id}/stop", summary="Stop an endpoint", responses=NOT_FOUND | CONFLICT)
def stop_endpoint(endpoint_id: PathId) -> EndpointAnswer:
    """Stops what answers, and gives its memory back."""
    return _answer(endpoints.stop_endpoint(endpoint_id))


@router.delete("/endpoints/{id}", status_code=204, summary="Delete an endpoint", responses=NOT_FOUND | CONFLICT)
def delete_endpoint(endpoint_id: PathId) -> None:
    """Stops the endpoint and forgets it."""
    endpoints.delete_endpoint(endpoint_id)


def _answer(endpoint: Any) -> EndpointAnswer:
    return EndpointAnswer.model_validate(endpoints.describe(endpoint))
