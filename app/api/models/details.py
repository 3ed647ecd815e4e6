"""A base model in full over REST: its chat template, and what it is used for."""

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import Answer, NamedId
from engine.models import models, used
from storage.statuses import EndpointStatus, RunStatus

router = APIRouter(prefix="/models", tags=["models"])


class UsingRun(Answer):
    id: str = Field(description="The run's id.")
    name: str = Field(description="Its name.")
    status: RunStatus = Field(description="What became of it.")
    method: str = Field(description="What it learned by: sft, dpo ...")
    loss: float | None = Field(description="Its last loss.")
    artifact: str | None = Field(description="adapter or model: what it has left; null where it left nothing.")


class UsingEndpoint(Answer):
    id: str = Field(description="The endpoint's id.")
    name: str = Field(description="Its name on /v1.")
    status: EndpointStatus = Field(description="Of the backend that serves the model.")


class DetailsAnswer(Answer):
    chat_template: str | None = Field(description="The template as text (Jinja); null where it has none.")
    runs: list[UsingRun] = Field(description="Runs that were trained on it, the newest first; 200 at most.")
    run_count: int = Field(description="How many there are in all.")
    endpoints: list[UsingEndpoint] = Field(description="Endpoints that serve it now, or will at the next request.")


@router.get("/{id}/details", summary="Show what a model is used for", responses=NOT_FOUND)
def show_details(model_id: NamedId) -> DetailsAnswer:
    """Its chat template, its runs with what they have left, and its endpoints."""
    model = models.look_up(model_id)
    uses = used.of(model.id)
    return DetailsAnswer(
        chat_template=used.template(model),
        runs=[UsingRun.model_validate(run) for run in uses.runs],
        run_count=uses.run_count,
        endpoints=[
            UsingEndpoint(id=endpoint.id, name=endpoint.name, status=backend.status)
            for endpoint, backend in uses.endpoints
        ],
    )
