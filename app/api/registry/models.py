"""Models of the registry over REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, Limit, Offset, ProjectFilter, total
from app.api.registry.fields import (
    FollowerAnswer,
    ModelName,
    ModelVersionAnswer,
    Note,
    RegisteredModelAnswer,
    Tags,
    who,
)
from engine.registry import aliases, described, registered
from storage import db
from storage import registry as stored

router = APIRouter(prefix="/registry", tags=["registry"])

Part = Annotated[str, Query(max_length=100, description="A part of the name.")]


class WholeModelAnswer(RegisteredModelAnswer):
    version_list: list[ModelVersionAnswer] = Field(
        description="Its newest 100 versions, the newest first; GET /api/registry/{name}/versions has all."
    )
    endpoints: list[FollowerAnswer] = Field(description="The endpoints that follow its aliases.")


class ChangeModelBody(Body):
    note: Note | None = Field(default=None, description="A remark; as it is when left out.")
    tags: Tags | None = Field(default=None, description="Short words to find it by; as they are when left out.")


class LineAnswer(Answer):
    """One line of a model's log."""

    at: float = Field(description="When, in seconds since 1970.")
    action: str = Field(description="moved, removed, kept, deleted or changed.")
    alias: str = Field(description="The alias; empty where none was concerned.")
    before: int | None = Field(description="The version it led to before.")
    after: int | None = Field(description="The version it leads to since.")
    who: str = Field(description="Who did it.")
    why: str = Field(description="Why.")
    gate: dict[str, Any] | None = Field(description="What the gate asked for and found.")


@router.get("", summary="List models of the registry")
def list_registered_models(
    response: Response, query: Part = "", project_id: ProjectFilter = None, offset: Offset = 0, limit: Limit = 100
) -> list[RegisteredModelAnswer]:
    """The models with their aliases, the last changed first. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, stored.count(session, project_id, query))
        rows = stored.recent(session, project_id, limit, offset, query)
    return [RegisteredModelAnswer.model_validate(facts) for facts in described.listed(rows)]


@router.get("/{name}", summary="Show a model of the registry", responses=NOT_FOUND)
def show_registered_model(name: ModelName) -> WholeModelAnswer:
    """The model with its versions, its aliases and the endpoints that follow them."""
    return WholeModelAnswer.model_validate(described.model(name))


@router.patch("/{name}", summary="Change a model's note or tags", responses=NOT_FOUND)
def change_registered_model(name: ModelName, body: ChangeModelBody, request: Request) -> RegisteredModelAnswer:
    """Another note, other tags. What is left out stays as it is."""
    row = registered.change(name, body.note, body.tags, who(request))
    return RegisteredModelAnswer.model_validate(described.listed([row])[0])


@router.delete("/{name}", status_code=204, summary="Delete a model of the registry", responses=NOT_FOUND | CONFLICT)
def delete_registered_model(name: ModelName) -> None:
    """Forgets the model with its versions and its log. Refused while an alias leads to a version; weights stay."""
    registered.delete(name)


@router.get("/{name}/log", summary="Log of a model", responses=NOT_FOUND)
def show_registry_log(response: Response, name: ModelName, offset: Offset = 0, limit: Limit = 100) -> list[LineAnswer]:
    """What was done, by whom and why, the newest first. `X-Total-Count` says how many lines there are."""
    lines, count = aliases.log(name, limit, offset)
    total(response, count)
    return [LineAnswer.model_validate(line) for line in lines]
