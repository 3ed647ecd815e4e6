"""The adapters of an endpoint over REST: added and removed while it answers."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, NamedId, RowId
from engine.serve import adapters

router = APIRouter(tags=["endpoints"])

AdapterName = Annotated[
    str,
    Path(
        alias="name",
        pattern=r"^[0-9A-Za-z:@-]{1,120}$",
        description="RUN, RUN@STEP, or a name that the adapter was given.",
    ),
]


class AdapterAnswer(Answer):
    """An adapter of an endpoint."""

    subject: str = Field(description="RUN, or RUN@STEP for a checkpoint.")
    run_id: str = Field(description="The run that trained it.")
    run_name: str = Field(description="The run's name.")
    step: int | None = Field(description="The step of the checkpoint; null for the run's result.")
    names: list[str] = Field(description="The names on /v1 that lead to it; none while it is let go.")
    status: str = Field(
        description="waiting (the endpoint does not answer), loading, loaded, draining (its last answers are written) "
        "or failed."
    )
    rank: int | None = Field(description="The largest rank of its layers.")
    size_bytes: int | None = Field(description="The memory it takes in the server.")
    load_seconds: float | None = Field(description="How long the server took to load it.")
    error: str | None = Field(description="Why it is not loaded.")


class AdapterBody(Body):
    run_id: RowId = Field(description="A run on the endpoint's base whose adapter is to be served.")
    step: int | None = Field(default=None, ge=0, le=10**12, description="A kept checkpoint of it; else its result.")
    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=120,
        description="A name to take over or to make: ALIAS answers as ENDPOINT:ALIAS; the endpoint's own name passes "
        "on too. What had it is let go once its answers are written.",
    )


@router.get("/endpoints/{id}/adapters", summary="List an endpoint's adapters", responses=NOT_FOUND)
def list_adapters(endpoint_id: NamedId) -> list[AdapterAnswer]:
    """The adapters with their names, memory and load time."""
    return [AdapterAnswer.model_validate(facts) for facts in adapters.listed(endpoint_id)]


@router.post(
    "/endpoints/{id}/adapters", status_code=201, summary="Add an adapter", response_model=AdapterAnswer,
    responses=NOT_FOUND | CONFLICT,
)  # fmt: skip
def add_adapter(endpoint_id: NamedId, body: AdapterBody) -> dict[str, Any]:
    """Loads the adapter of a run, or of a checkpoint, while the endpoint answers. When this returns it answers too."""
    return adapters.add(endpoint_id, body.run_id, body.step, body.name)


@router.delete(
    "/endpoints/{id}/adapters/{name}", status_code=204, summary="Remove an adapter", responses=NOT_FOUND | CONFLICT
)
def remove_adapter(endpoint_id: NamedId, name: AdapterName) -> None:
    """Takes the adapter, or one of its several names, out of the endpoint. Running answers are finished first."""
    adapters.remove(endpoint_id, name)
