"""Exports over REST: what a run has trained, as its adapter, as one merged model or as GGUF, to take away."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field, SecretStr

from app.answers import archives
from app.answers.errors import CONFLICT, NO_ROOM, NOT_FOUND
from app.answers.fields import Answer, Body, Limit, Offset, PathId, total
from engine.errors import NotFoundError
from engine.exports import exports, hub
from engine.exports.card.told import Kind as ExportKind
from engine.exports.estimates import Estimate
from engine.exports.exports import Dtype
from engine.exports.gguf import TYPES, Of
from engine.subjects.subject import LONGEST
from storage import db
from storage import exports as stored
from storage.statuses import WorkStatus
from storage.tables import Work

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
    kind: ExportKind = Field(
        description="adapter: what was trained, for use with its base. merged: both as one model. gguf: a file for "
        "llama.cpp, Ollama and LM Studio."
    )
    options: dict[str, Any] = Field(
        default={},
        description="Of merged: dtype, one of base (as the base model's, the default), float32, bfloat16, float16. "
        f"Of gguf: type, one of {', '.join(TYPES)} (q8_0 is the default), and of: model (the default) or adapter.",
    )


class ExportEstimate(Answer):
    size_bytes: int = Field(description="How large its files become, about.")
    disk_bytes: int = Field(description="The most disk that is taken while it is made.")
    memory_bytes: int = Field(description="The most memory that is taken while it is made.")
    seconds: float = Field(description="How long it takes, about: as the last one here, or as measured elsewhere.")
    download_bytes: int = Field(description="What is fetched first, because a runtime is missing.")
    notes: list[str] = Field(description="What there is to know before.")


class AnswerDifference(Answer):
    prompt: str = Field(description="What both were asked.")
    token: int | None = Field(description="Where the answers part, from 0; null when the prompt was read otherwise.")
    gap: float | None = Field(description="How much less likely, in nats, the trained form finds the other's token.")
    trained: str = Field(description="What the trained form says.")
    exported: str = Field(description="What the export says.")


class CheckAnswer(Answer):
    checked_by: str = Field(description="What ran the export: llama.cpp or transformers.")
    identical: bool | None = Field(description="Whether every answer is the same, token by token.")
    differing: int = Field(description="How many answers differ.")
    largest: float | None = Field(description="The largest difference of a token's log-probability, in nats.")
    perplexity_change: float | None = Field(description="How much larger the perplexity is, as a share.")
    good: bool | None = Field(description="Whether it is within its limit.")
    limit: str = Field(description="That limit, in words.")


class ExportParityAnswer(Answer):
    status: WorkStatus = Field(description="queued and running while it is made; succeeded when it was compared.")
    good: bool | None = Field(default=None, description="Whether it is within the limit of its kind.")
    identical: bool | None = Field(default=None, description="Whether every answer is the same, token by token.")
    rows: int | None = Field(default=None, description="Prompts that were asked; 0 when only weights were compared.")
    held_out: int | None = Field(default=None, description="How many of them are rows the training held out.")
    differing: int | None = Field(default=None, description="How many answers differ.")
    differs: list[AnswerDifference] = Field(default=[], description="The first of them.")
    largest: float | None = Field(
        default=None, description="The largest difference of a token's log-probability, in nats."
    )
    perplexity: float | None = Field(default=None, description="Of the trained form, on prompts and its own answers.")
    perplexity_change: float | None = Field(default=None, description="How much larger the export's is, as a share.")
    limit: str | None = Field(default=None, description="What this kind may differ by, in words.")
    cause: str | None = Field(default=None, description="What most likely makes it differ; null where it is good.")
    checked_by: str | None = Field(default=None, description="What ran the export, or what was done instead.")
    checks: list[CheckAnswer] = Field(default=[], description="Each program's comparison, where several could run it.")
    difference: float | None = Field(
        default=None,
        description="Of a merge: the largest difference of a logit, as a share of the largest; 0 is the same.",
    )


class ExportAnswer(Answer):
    id: str = Field(description="The export's id.")
    run_id: str = Field(description="The run whose weights these are.")
    subject: str = Field(description="What is taken away.")
    kind: str = Field(description="adapter, merged or gguf.")
    options: dict[str, Any] = Field(description="What was asked for, defaults included.")
    status: WorkStatus = Field(description="queued, running, succeeded or failed; succeeded: it can be downloaded.")
    progress: float | None = Field(description="How far it is, 0 to 1; null when unknown.")
    stage: str | None = Field(description="What is being done.")
    size_bytes: int | None = Field(description="Size of its files; null until they are there.")
    file: str | None = Field(description="The name of a GGUF.")
    estimate: ExportEstimate | None = Field(description="What was said before it began; null where nothing is made.")
    seconds: float | None = Field(description="How long it took.")
    parity: ExportParityAnswer | None = Field(
        description="Whether it answers as what was trained; null where nothing was made, or it failed."
    )
    notes: list[str] = Field(description="What there is to know about the result.")
    folder: str | None = Field(description="Where its files lie on the studio's machine.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")
    created_at: float = Field(description="When it was asked for, in seconds since 1970.")


class PushExportBody(Body):
    repo_id: str = Field(max_length=300, description="Where to: owner/name. Made when there is no such repository.")
    token: SecretStr | None = Field(
        default=None,
        description="A token that may write. Used once and not kept; HF_TOKEN of the studio when left out.",
    )
    private: bool = Field(default=True, description="Whether a new repository is private. One that exists stays as is.")


class PushExportAnswer(Answer):
    id: str = Field(description="The id of this push.")
    status: WorkStatus = Field(description="queued, running, succeeded, failed or stopped.")
    progress: float | None = Field(description="How far it is, 0 to 1; null when it is not running.")
    stage: str | None = Field(description="What it is doing.")
    result: dict[str, Any] = Field(description="After success: url, revision (the commit), files and size_bytes.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")


@router.post(
    "", status_code=201, summary="Export a trained model", response_model=ExportAnswer,
    responses=NOT_FOUND | CONFLICT | NO_ROOM,
)  # fmt: skip
def create_export(body: ExportBody) -> dict[str, Any]:
    """Takes a trained model away. An adapter is ready at once; a merge or a GGUF is queued. The same export is made
    once. What is missing for it (llama.cpp) is fetched within the same work."""
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


@router.get(
    "/estimate",
    summary="What an export would take",
    response_model=ExportEstimate,
    responses=NOT_FOUND | CONFLICT,
)
def estimate_export(
    subject: Annotated[str, Query(min_length=1, max_length=LONGEST, description="What to take away.")],
    kind: Annotated[ExportKind, Query(description="adapter, merged or gguf.")],
    dtype: Annotated[Dtype | None, Query(description="Of merged.")] = None,
    file_type: Annotated[str | None, Query(alias="type", max_length=20, description="Of gguf.")] = None,
    of: Annotated[Of | None, Query(description="Of gguf: model or adapter.")] = None,
) -> Estimate:
    """Size, disk, memory and time, before anything is begun."""
    asked = {"dtype": dtype, "type": file_type, "of": of}
    return exports.estimate(subject, kind, {name: value for name, value in asked.items() if value is not None})


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


@router.post(
    "/{id}/push", status_code=202, summary="Push an export to the hub", response_model=PushExportAnswer,
    responses=NOT_FOUND | CONFLICT,
)  # fmt: skip
def push_export(export_id: PathId, body: PushExportBody) -> Work:
    """Pushes its files with the model card and the licence, in one commit. A repository that exists and was not made
    by a studio is refused."""
    return hub.push(export_id, body.repo_id, body.token.get_secret_value() if body.token else "", body.private)


@router.get("/{id}/push", summary="Show the newest push", response_model=PushExportAnswer, responses=NOT_FOUND)
def show_export_push(export_id: PathId) -> Work:
    """How the newest push of the export goes, or how it ended."""
    push = hub.latest(exports.look_up(export_id)[0].id)
    if push is None:
        raise NotFoundError("This export has not been pushed.", "POST here to push it.")
    return push


@router.delete("/{id}", status_code=204, summary="Delete an export", responses=NOT_FOUND)
def delete_export(export_id: PathId) -> None:
    """Deletes the export and what was made for it; under way, it is cancelled. The run keeps what it left itself."""
    exports.delete(export_id)
