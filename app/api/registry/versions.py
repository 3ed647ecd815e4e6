"""Versions of models over REST: kept, shown, changed, checked, deleted."""

from fastapi import APIRouter, Request, Response
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Body, Limit, Offset, RowId, total
from app.api.registry.fields import ModelName, ModelVersionAnswer, Note, Number, Tags, who
from engine.registry import described, versions
from engine.registry.versions import Stage

router = APIRouter(prefix="/registry", tags=["registry"])


class KeepBody(Body):
    """One of the three ids says what is kept."""

    run_id: RowId | None = Field(default=None, description="A run that has succeeded: its adapter or its model.")
    export_id: RowId | None = Field(default=None, description="An export that has succeeded.")
    model_id: RowId | None = Field(default=None, description="A model of the studio that is ready.")
    note: Note = ""
    tags: Tags = Field(default_factory=list)


class ChangeVersionBody(Body):
    stage: Stage | None = Field(default=None, description="new, tested, released or retired.")
    note: Note | None = Field(default=None, description="A remark; as it is when left out.")
    tags: Tags | None = Field(default=None, description="Short words to find it by; as they are when left out.")


class FileAnswer(Body):
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="In hexadecimal digits.")


class WholeVersionAnswer(ModelVersionAnswer):
    files: dict[str, FileAnswer] = Field(
        description="Its files by name, those of the base of an adapter under base/; empty until they were read."
    )


@router.get("/{name}/versions", summary="Versions of a model", responses=NOT_FOUND)
def list_model_versions(
    response: Response, name: ModelName, offset: Offset = 0, limit: Limit = described.MOST_VERSIONS
) -> list[ModelVersionAnswer]:
    """The versions without their files, the newest first. `X-Total-Count` says how many there are."""
    facts = described.model(name, limit, offset)
    total(response, facts["versions"])
    return [ModelVersionAnswer.model_validate(version) for version in facts["version_list"]]


@router.post("/{name}/versions", status_code=201, summary="Keep a version", responses=NOT_FOUND | CONFLICT)
def keep_model_version(name: ModelName, body: KeepBody, request: Request) -> WholeVersionAnswer:
    """Keeps a run's result, an export or a model as the next version. A name that is new makes a model."""
    kept = versions.add(
        name,
        run_id=body.run_id,
        export_id=body.export_id,
        model_id=body.model_id,
        note=body.note,
        tags=body.tags,
        who=who(request),
    )
    return WholeVersionAnswer.model_validate(described.version(name, kept.number))


@router.get("/{name}/versions/{number}", summary="Show a version", responses=NOT_FOUND)
def show_model_version(name: ModelName, number: Number) -> WholeVersionAnswer:
    """The version with its files and their hashes."""
    return WholeVersionAnswer.model_validate(described.version(name, number))


@router.patch("/{name}/versions/{number}", summary="Change a version", responses=NOT_FOUND)
def change_model_version(
    name: ModelName, number: Number, body: ChangeVersionBody, request: Request
) -> WholeVersionAnswer:
    """Another stage, note or tags. What is left out stays as it is; the weights never change."""
    versions.change(name, number, note=body.note, tags=body.tags, stage=body.stage, who=who(request))
    return WholeVersionAnswer.model_validate(described.version(name, number))


@router.delete("/{name}/versions/{number}", status_code=204, summary="Delete a version", responses=NOT_FOUND | CONFLICT)
def delete_model_version(name: ModelName, number: Number, request: Request) -> None:
    """Forgets a version. Refused while an alias leads to it or an endpoint serves it; what it held stays."""
    versions.delete(name, number, who(request))


@router.get(
    "/{name}/versions/{number}/card",
    summary="Model card of a version",
    response_class=Response,
    responses=NOT_FOUND | {200: {"description": "Markdown.", "content": {"text/markdown": {}}}},
)
def show_model_card(name: ModelName, number: Number) -> Response:
    """The card that goes with the weights: what it is, how it was trained, how to use it."""
    headers = {"x-content-type-options": "nosniff"}
    return Response(versions.card_of(name, number), media_type="text/markdown; charset=utf-8", headers=headers)


@router.post(
    "/{name}/versions/{number}/verify", status_code=202, summary="Check a version's files", responses=NOT_FOUND
)
def verify_model_version(name: ModelName, number: Number) -> WholeVersionAnswer:
    """Begins to read every byte again. `files_state` and `changed` say what came of it."""
    versions.check(name, number)
    return WholeVersionAnswer.model_validate(described.version(name, number))
