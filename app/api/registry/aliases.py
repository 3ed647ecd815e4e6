"""Aliases over REST: moved with a reason, rolled back, removed; and the endpoints that follow one."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, Name, NamedId
from app.api.registry.fields import AliasName, FollowerAnswer, Gate, ModelName, Number, Why, who
from engine.registry import aliases, described, following, registered
from engine.registry.aliases import Promotion
from engine.serve import endpoints

router = APIRouter(tags=["registry"])


class MoveBody(Body):
    version: int = Field(ge=1, le=2**31 - 1, description="The number of the version it is to lead to.")
    why: Why
    gate: Gate = None
    expected: int | None = Field(
        default=None, ge=0, description="The version you saw it lead to, 0 for none; refused when it has moved since."
    )


class WhyBody(Body):
    why: Why


class MovedAnswer(Answer):
    alias: str = Field(description="The alias.")
    before: int | None = Field(description="The version it led to before.")
    version: int = Field(description="The version it leads to now.")
    gate: dict[str, Any] | None = Field(description="What the gate asked for and found.")
    endpoints: list[FollowerAnswer] = Field(description="The endpoints that follow it, and how they stand.")


class EndpointOfVersionBody(Body):
    name: Name = Field(description="The name that callers of /v1 will use as the model.")
    backend: Literal["transformers", "vllm", "llama"] | None = Field(
        default=None, description="What is to answer; llama for a GGUF file, else transformers, when left out."
    )
    options: dict[str, Any] = Field(default={}, description="What the backend is started with; mostly empty.")


class FollowBody(Body):
    subject: str = Field(min_length=1, max_length=200, description="What to follow: version:NAME@ALIAS.")


class FollowsAnswer(Answer):
    endpoint_id: str = Field(description="The endpoint's id.")
    follows: str | None = Field(description="version:NAME@ALIAS; null when it follows nothing.")


class ServedAnswer(Answer):
    id: str = Field(description="The endpoint's id.")
    name: str = Field(description="Its name.")
    status: str = Field(description="queued, starting, ready ...")
    follows: str | None = Field(description="version:NAME@ALIAS; null when it follows nothing.")


@router.get("/registry/{name}/aliases", summary="Aliases of a model", responses=NOT_FOUND)
def list_aliases(name: ModelName) -> dict[str, int]:
    """Where each alias leads."""
    versions: dict[str, int] = described.listed([registered.look_up(name)])[0]["aliases"]
    return versions


@router.put("/registry/{name}/aliases/{alias}", summary="Move an alias", responses=NOT_FOUND | CONFLICT)
def move_alias(name: ModelName, alias: AliasName, body: MoveBody, request: Request) -> MovedAnswer:
    """Makes an alias lead to a version: a promotion. Endpoints that follow it deploy that version, blue/green."""
    gate = "better" if body.gate is True else body.gate or None
    promotion = Promotion(body.version, body.why, who(request), body.expected, gate)
    return _moved(aliases.move(name, alias, promotion))


@router.post("/registry/{name}/aliases/{alias}/rollback", summary="Roll an alias back", responses=NOT_FOUND | CONFLICT)
def roll_back_alias(name: ModelName, alias: AliasName, body: WhyBody, request: Request) -> MovedAnswer:
    """Moves it back to where it led before its last move."""
    return _moved(aliases.roll_back(name, alias, body.why, who=who(request)))


@router.delete(
    "/registry/{name}/aliases/{alias}", status_code=204, summary="Remove an alias", responses=NOT_FOUND | CONFLICT
)
def remove_alias(
    name: ModelName,
    alias: AliasName,
    request: Request,
    why: Annotated[str, Query(max_length=500, description="Why; the log keeps it.")] = "",
) -> None:
    """Takes the alias away. Refused while an endpoint follows it."""
    aliases.remove(name, alias, who=who(request), why=why)


@router.post(
    "/registry/{name}/aliases/{alias}/endpoints",
    status_code=201,
    summary="Serve what an alias leads to",
    responses=NOT_FOUND | CONFLICT,
)
def serve_alias(name: ModelName, alias: AliasName, body: EndpointOfVersionBody, request: Request) -> ServedAnswer:
    """A new endpoint that follows the alias: each move is its next deployment."""
    return _serve(f"version:{name}@{alias}", body, request)


@router.post(
    "/registry/{name}/versions/{number}/endpoints",
    status_code=201,
    summary="Serve a version",
    responses=NOT_FOUND | CONFLICT,
)
def serve_version(name: ModelName, number: Number, body: EndpointOfVersionBody, request: Request) -> ServedAnswer:
    """A new endpoint for this version alone."""
    return _serve(f"version:{name}/{number}", body, request)


@router.get("/endpoints/{id}/follows", summary="What an endpoint follows", responses=NOT_FOUND)
def show_followed(endpoint_id: NamedId) -> FollowsAnswer:
    """The alias whose version it serves, if it follows one."""
    endpoints.look_up(endpoint_id)
    return _follows(endpoint_id)


@router.put("/endpoints/{id}/follows", summary="Have an endpoint follow an alias", responses=NOT_FOUND | CONFLICT)
def follow_alias(endpoint_id: NamedId, body: FollowBody, request: Request) -> FollowsAnswer:
    """It deploys what the alias leads to, now and after each move. What answers meanwhile goes on."""
    endpoints.look_up(endpoint_id)
    following.follow(endpoint_id, body.subject, who(request))
    return _follows(endpoint_id)


@router.delete(
    "/endpoints/{id}/follows",
    status_code=204,
    summary="Have an endpoint follow nothing",
    responses=NOT_FOUND | CONFLICT,
)
def unfollow_alias(endpoint_id: NamedId, request: Request) -> None:
    """It keeps what it serves, whatever becomes of the alias."""
    following.unfollow(endpoint_id, who(request))


def _follows(endpoint_id: str) -> FollowsAnswer:
    return FollowsAnswer(endpoint_id=endpoint_id, follows=following.of_endpoints([endpoint_id]).get(endpoint_id))


def _serve(subject: str, body: EndpointOfVersionBody, request: Request) -> ServedAnswer:
    endpoint = following.serve(body.name, subject, body.backend, body.options, who(request))
    status = str(endpoints.describe(endpoint)["status"])
    follows = following.of_endpoints([endpoint.id]).get(endpoint.id)
    return ServedAnswer(id=endpoint.id, name=endpoint.name, status=status, follows=follows)


def _moved(moved: aliases.Moved) -> MovedAnswer:
    facts = {"alias": moved.alias, "before": moved.before, "version": moved.after, "gate": moved.gate}
    return MovedAnswer.model_validate({**facts, "endpoints": moved.endpoints})
