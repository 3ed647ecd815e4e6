"""Exports over REST: what a run has trained, as its adapter or as one merged model, to take away."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.answers import archives
from app.answers.errors import CONFLICT, NO_ROOM, NOT_FOUND
from app.answers.fields import Answer, Body, Limit, Offset, PathId, total
from engine.exports import exports
from engine.subjects.subject import LONGEST
from storage import db
from storage import exports as stored
from storage.statuses import WorkStatus

router = APIRouter(prefix="/exports", tags=["exports"])
ARCHIVE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A tar archive.", "content": {"application/x-tar": {}}}
}
OfRun = Annotated[str | None, Query(pattern=r"^[0-9a-z-]{1,64}$", description="Only those of this run.")]


class ExportBody(Body):
    subject: str = Field(
        min_length=1,
        max_length=LONGEST,
        description="What to take away: run:ID for a run's result, run:ID@STEP for one of its checkpoints.",
    )
    kind: Literal["adapter", "merged"] = Field(
        description="adapter: what was trained, for use with its base. merged: both as one model."
    )
    options: dict[str, Any] = Field(
        default={},
        description="Of merged: dtype, one of base (as the base model's, the default), float32, bfloat16, float16.",
    )


class ExportAnswer(Answer):
    id: str = Field(description="The export's id.")
    run_id: str = Field(description="The run whose weights these are.")
    subject: str = Field(description="What is taken away.")
    kind: str = Field(description="adapter or merged.")
    options: dict[str, Any] = Field(description="What was asked for, defaults included.")
    status: WorkStatus = Field(description="queued, running, succeeded or failed; succeeded: it can be downloaded.")
    progress: float | None = Field(description="How far it is, 0 to 1; null when unknown.")
    stage: str | None = Field(description="What is being done.")
    size_bytes: int | None = Field(description="Size of its files; null until they are there.")
    parity: float | None = Field(
        description="Of a merge: the largest difference of a logit from base and adapter, as a share of the largest "
        "logit; 0 is the same. null where nothing was merged."
    )
    notes: list[str] = Field(description="What there is to know about the result.")
    folder: str | None = Field(description="Where its files lie on the studio's machine.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")
    created_at: float = Field(description="When it was asked for, in seconds since 1970.")


@router.post(
    "", status_code=201, summary="Export a trained model", response_model=ExportAnswer,
    responses=NOT_FOUND | CONFLICT | NO_ROOM,
)  # fmt: skip
def create_export(body: ExportBody) -> dict[str, Any]:
    """Takes a trained model away. An adapter is ready at once; a merge is queued. The same export is made once."""
    return exports.describe(*exports.create(body.subject, body.kind, body.options))


@router.get("", summary="List exports", response_model=list[ExportAnswer])
def list_exports(
    response: Response, run_id: OfRun = None, offset: Offset = 0, limit: Limit = 100
) -> Sequence[dict[str, Any]]:
    """The exports, newest first. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, stored.count(session, run_id))
        rows = stored.recent(session, run_id, limit, offset)
    return [exports.describe(*row) for row in rows]


@router.get("/{id}", summary="Show an export", response_model=ExportAnswer, responses=NOT_FOUND)
def show_export(export_id: PathId) -> dict[str, Any]:
    """One export: how far it is, its size, and how exact a merge is."""
    return exports.describe(*exports.look_up(export_id))


@router.get(
    "/{id}/download",
    summary="Download an export",
    response_class=StreamingResponse,
    responses=NOT_FOUND | CONFLICT | ARCHIVE,
)
def download_export(export_id: PathId) -> Response:
    """The files of a finished export as one tar archive, with a model card."""
    return archives.download(exports.download(export_id))


@router.head("/{id}/download", include_in_schema=False)
def size_export(export_id: PathId) -> Response:
    """Name and length of the archive alone."""
    return archives.download(exports.download(export_id), head=True)


@router.delete("/{id}", status_code=204, summary="Delete an export", responses=NOT_FOUND)
def delete_export(export_id: PathId) -> None:
    """Deletes the export and what was made for it; under way, it is cancelled. The run keeps what it left itself."""
    exports.delete(export_id)
