"""Endpoints over REST."""

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Request, Response
from pydantic import Field, model_validator

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, Limit, Name, NamedId, Offset, ProjectFilter, RowId, total
from app.api.endpoint_adapters import AdapterAnswer
from app.api.endpoint_fields import LifeAnswer
from app.api.registry.fields import who
from engine.registry import following
from engine.serve import endpoints
from engine.serve.abilities import Ability
from engine.serve.adapter_names import MOST_ADAPTERS
from engine.serve.rollout.asked import Rollout
from engine.serve.takeover.deployment import Wanted
from engine.serve.waking import sleeping
from engine.subjects.subject import LONGEST
from storage import db
from storage import endpoints as stored
from storage.statuses import EndpointStatus
from storage.tables import DEFAULT_PROJECT

router = APIRouter(tags=["endpoints"])

Backend = Literal["transformers", "vllm", "llama", "external"]
# A run, or a checkpoint of it, with a name if it is given one; engine.serve.adapter_names says what each means.
Adapter = Annotated[str, Field(pattern=r"^([a-z0-9-]{1,48}=)?(run:)?[0-9a-z-]{1,64}(@[0-9]{1,12})?$")]
Adapters = list[Adapter]
ModelId = Annotated[
    RowId | None, Field(description="The base model; the one of the first adapter's run when left out.")
]


class DeploymentAnswer(Answer):
    """A backend on its way to answer for the endpoint."""

    backend_id: str = Field(description="The backend's id.")
    status: EndpointStatus = Field(description="queued or starting; ready while it is on trial.")
    kind: Backend = Field(description="transformers, vllm, llama or external.")
    model_id: str | None = Field(description="The base model.")
    adapters: list[str] = Field(description="The runs (RUN) and checkpoints (RUN@STEP) that it will serve.")


class EndpointAnswer(Answer):
    id: str = Field(description="The endpoint's id.")
    project_id: str = Field(description="The project it belongs to.")
    name: str = Field(description="The name that callers of /v1 use as the model.")
    status: EndpointStatus = Field(description="queued, starting, ready, draining, asleep, stopped or failed.")
    models: list[str] = Field(description="Every name it answers to on /v1.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    stopped_at: float | None = Field(description="When it was stopped.")
    can_roll_back: bool = Field(description="Whether there is something to go back to.")
    does: Ability = Field(default="text", description="text, embeddings or scores: which call of /v1 it answers.")
    backend_id: str | None = Field(default=None, description="What answers now.")
    kind: Backend | None = Field(default=None, description="transformers, vllm, llama or external.")
    model_id: str | None = Field(default=None, description="The base model.")
    adapters: list[str] = Field(default=[], description="The runs (RUN) and checkpoints (RUN@STEP) that are served.")
    options: dict[str, Any] = Field(default={}, description="What the backend was started with.")
    device: str | None = Field(default=None, description="The device it holds.")
    error: str | None = Field(default=None, description="Why it failed.")
    hint: str | None = Field(default=None, description="What to do about it.")
    restarts: int = Field(default=0, description="How often it was started again after it died.")
    ready_at: float | None = Field(default=None, description="When it first answered.")
    deploying: DeploymentAnswer | None = Field(default=None, description="What will take over when it is ready.")
    served_adapters: list[AdapterAnswer] = Field(default=[], description="Its adapters, with memory and load time.")
    life: LifeAnswer = Field(description="Its sleep, and how its newest deployment goes.")
    last_deployment_error: str | None = Field(default=None, description="Why the last deployment did not take over.")


class EndpointBody(Body):
    backend: Backend = Field(
        default="transformers", description="What is to answer; for a GGUF version `llama`, also when it is left out."
    )
    subject: Annotated[str, Field(max_length=LONGEST)] | None = Field(
        default=None,
        description="What is served, in one text in place of `model_id` and `adapters`: model:ID, run:ID, run:ID@STEP, "
        "version:NAME/3; an endpoint of version:NAME@ALIAS follows the alias.",
    )
    model_id: ModelId = None
    adapters: Adapters = Field(
        default=[],
        max_length=MOST_ADAPTERS + 1,
        description="What is served: RUN, RUN@STEP for a checkpoint, NAME=RUN to give it a name. The first answers to "
        "the endpoint's own name; `base` in its place leaves that to the base model.",
    )
    options: dict[str, Any] = Field(
        default={}, description="What the backend is started with, in the backend's own names; mostly empty."
    )
    name: Name = Field(description="The name that callers of /v1 will use as the model.")
    project_id: RowId = Field(default=DEFAULT_PROJECT, description="The project it will belong to.")
    idle_minutes: float | None = Field(
        default=None,
        ge=sleeping.LEAST_MINUTES,
        le=sleeping.MOST_MINUTES,
        description="It sleeps after so many minutes without a request; never when left out.",
    )

    @model_validator(mode="after")
    def _is_said_once(self) -> Self:
        if self.subject is not None and {"model_id", "adapters", "project_id"} & self.model_fields_set:
            raise ValueError(
                "`subject` says what is served, and its project. Leave out model_id, adapters, project_id."
            )
        return self


class DeployBody(Rollout):
    """What is to be served, and how it takes over. What is left out is as it is now."""

    backend: Backend | None = Field(default=None, description="What is to answer; as now when left out.")
    model_id: RowId | None = Field(default=None, description="The base model; as now when adapters are left out too.")
    adapters: Adapters | None = Field(
        default=None, max_length=32, description="Runs whose adapters are served; the first is the default."
    )
    options: dict[str, Any] | None = Field(
        default=None, description="What the backend is started with; as now when left out and the backend is the same."
    )

    def wanted(self) -> Wanted:
        """What is to be served."""
        return Wanted(self.backend, self.model_id, self.adapters, self.options)

    def asked(self) -> Rollout:
        """How it takes over."""
        return Rollout.model_validate(self.model_dump(include=set(Rollout.model_fields)))


@router.get("/endpoints", summary="List endpoints")
def list_endpoints(
    response: Response, project_id: ProjectFilter = None, offset: Offset = 0, limit: Limit = 100
) -> list[EndpointAnswer]:
    """The endpoints, newest first. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, stored.count(session, project_id))
        listed = stored.recent(session, project_id, limit, offset)
    return [EndpointAnswer.model_validate(facts) for facts in endpoints.describe_all(listed)]


@router.post("/endpoints", status_code=201, summary="Create an endpoint", responses=NOT_FOUND | CONFLICT)
def create_endpoint(body: EndpointBody, request: Request) -> EndpointAnswer:
    """Starts a backend for a model, with any adapters, under a name on /v1."""
    if body.idle_minutes is not None:
        sleeping.refuse_outside(body.name, body.backend)
    if body.subject is None:
        endpoint = endpoints.create_endpoint(
            body.name, body.backend, body.model_id, tuple(body.adapters), body.options, body.project_id
        )
    else:
        kind = body.backend if "backend" in body.model_fields_set else None
        endpoint = following.serve(body.name, body.subject, kind, body.options, who(request))
    if body.idle_minutes is not None:
        endpoint = sleeping.set_idle_minutes(endpoint.id, body.idle_minutes)
    return _answer(endpoint)


@router.post("/runs/{id}/serve", status_code=201, summary="Serve a run", responses=NOT_FOUND | CONFLICT)
def serve_run(run_id: NamedId) -> EndpointAnswer:
    """Serves what the run left, or answers with the endpoint that serves it already."""
    return _answer(endpoints.serve_run(run_id))


@router.get("/endpoints/{id}", summary="Show an endpoint", responses=NOT_FOUND)
def show_endpoint(endpoint_id: NamedId) -> EndpointAnswer:
    """One endpoint."""
    return _answer(endpoints.look_up(endpoint_id))


@router.post("/endpoints/{id}/deploy", summary="Deploy another backend", responses=NOT_FOUND | CONFLICT)
def deploy_endpoint(endpoint_id: NamedId, body: DeployBody) -> EndpointAnswer:
    """Starts another backend beside the one that answers, and switches over when it is ready, or after a trial."""
    asked = body.wanted()
    endpoints.deploy(endpoint_id, asked.kind, asked.model_id, asked.adapters, asked.options, body.asked())
    return _answer(endpoints.look_up(endpoint_id))


@router.post("/endpoints/{id}/rollback", summary="Go back", responses=NOT_FOUND | CONFLICT)
def roll_back_endpoint(endpoint_id: NamedId) -> EndpointAnswer:
    """Deploys what answered before the last switch. A version on trial just goes."""
    endpoints.rollback(endpoint_id)
    return _answer(endpoints.look_up(endpoint_id))


@router.post("/endpoints/{id}/start", summary="Start an endpoint again", responses=NOT_FOUND | CONFLICT)
def start_endpoint(endpoint_id: NamedId) -> EndpointAnswer:
    """Starts a stopped or failed endpoint with what it served last."""
    endpoints.start_endpoint(endpoint_id)
    return _answer(endpoints.look_up(endpoint_id))


@router.post("/endpoints/{id}/stop", summary="Stop an endpoint", responses=NOT_FOUND | CONFLICT)
def stop_endpoint(endpoint_id: NamedId) -> EndpointAnswer:
    """Stops what answers, and gives its memory back."""
    return _answer(endpoints.stop_endpoint(endpoint_id))


@router.delete("/endpoints/{id}", status_code=204, summary="Delete an endpoint", responses=NOT_FOUND | CONFLICT)
def delete_endpoint(endpoint_id: NamedId) -> None:
    """Stops the endpoint and forgets it."""
    endpoints.delete_endpoint(endpoint_id)


def _answer(endpoint: Any) -> EndpointAnswer:
    return EndpointAnswer.model_validate(endpoints.describe(endpoint))
