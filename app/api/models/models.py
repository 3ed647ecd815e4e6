"""Base models over REST."""

from pathlib import PurePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import AliasPath, BeforeValidator, Field
from starlette.concurrency import run_in_threadpool

from app import upload
from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, Limit, NamedId, Offset, Text, total
from app.answers.lists import ModelFilters
from engine.errors import RefusedError
from engine.models import deleting, gguf_files, models
from engine.weights import token_facts
from storage import db
from storage.lists import models as stored
from storage.statuses import ModelStatus
from storage.tables import Model

FOUND = AliasPath("token_facts")  # a column of the row
router = APIRouter(prefix="/models", tags=["models"])

Source = Literal["starter", "hub", "path", "gguf"]


def _ends_with(values: Any) -> str | None:
    facts = token_facts.of(values)
    return facts.ends_with if facts else None


def _remarks(values: Any) -> list[str]:
    facts = token_facts.of(values)
    return token_facts.remarks(facts) if facts else []


class ModelAnswer(Answer):
    id: str = Field(description="The model's id, for recipes and endpoints.")
    source: str = Field(description="Where it came from: starter, hub, path or gguf.")
    source_id: str = Field(
        description="Its id on the hub, its folder or file (for visitors its name alone), or the starter's name."
    )
    name: str = Field(description="What lists show.")
    path: str | None = Field(
        description="The folder that is loaded; null until it is ready, and for visitors of a share link."
    )
    status: ModelStatus = Field(description="queued (being fetched), ready or failed.")
    progress: float | None = Field(description="How far the fetch is, 0 to 1; null when unknown.")
    stage: str = Field(description="What is going on, in a few words.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")
    size_bytes: int | None = Field(description="Size of its files.")
    parameters: int | None = Field(description="How many weights it has.")
    context_length: int | None = Field(description="Longest text it was made for, in tokens.")
    architecture: str | None = Field(description="The class that loads it.")
    licence: str | None = Field(description="Its licence, as its card names it.")
    has_chat_template: bool | None = Field(description="Whether it knows how a chat is written.")
    ends_with: Annotated[str | None, BeforeValidator(_ends_with)] = Field(
        validation_alias=FOUND, description="The token that ends an answer; null while nobody has looked."
    )
    remarks: Annotated[list[str], BeforeValidator(_remarks)] = Field(
        validation_alias=FOUND,
        description="What was lost on its way here, and what does not fit between tokenizer, template and sizes.",
    )
    trainable: bool | None = Field(description="Whether it can be trained on this machine.")
    untrainable_reason: str | None = Field(description="Why not.")
    revision: str | None = Field(
        description="The exact revision that was fetched; of a GGUF file how its weights were stored, and its sha256."
    )
    created_at: float = Field(description="Seconds since 1970, UTC.")
    tags: list[str] = Field(description="Words to find it by.")
    description: str = Field(description="What people wrote about it.")


class ModelBody(Body):
    source: Source = Field(
        description="starter (needs no hub), hub, path or gguf (a folder, or a .gguf file, of the studio's machine)."
    )
    id: Text | Literal[""] = Field(default="", description="The hub id, or the absolute path; empty for the starter.")


@router.get("", summary="List models")
def list_models(
    request: Request, response: Response, asked: ModelFilters, offset: Offset = 0, limit: Limit = 100
) -> list[ModelAnswer]:
    """The models, newest first unless sorted otherwise; shared by all projects. `X-Total-Count`: how many there are."""
    with db.reading() as session:
        total(response, stored.count(session, asked))
        listed = stored.page(session, asked, limit, offset)
    return [shown(model, request) for model in listed]


@router.post("", status_code=201, summary="Add a model", response_model=ModelAnswer, responses=NOT_FOUND | CONFLICT)
def add_model(body: ModelBody) -> Model:
    """Begins to fetch a model, or answers with the one there is from the same source. A failed one is tried again."""
    return models.add_model(body.source, _source_id(body))


_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "A .gguf file."}},
                }
            }
        },
    }
}


@router.post(
    "/upload", status_code=201, summary="Upload a GGUF file", response_model=ModelAnswer, openapi_extra=_UPLOAD
)
async def upload_model(request: Request) -> Model:
    """Takes a GGUF file (multipart/form-data, one part `file`) and turns it back into a model that can be trained."""
    form = await upload.receive(request)
    try:
        if len(form.files) != 1:
            raise RefusedError(f"The form has {len(form.files)} files.", "Send one, in a part named `file`.")
        path, name = form.files[0]
        return await run_in_threadpool(models.add_upload, path, name)
    finally:
        form.discard()  # it has been moved, or refused


@router.get("/{id}", summary="Show a model", responses=NOT_FOUND)
def show_model(request: Request, model_id: NamedId) -> ModelAnswer:
    """One model."""
    return shown(models.look_up(model_id), request)


@router.post("/{id}/retry", summary="Fetch a model again", response_model=ModelAnswer, responses=NOT_FOUND | CONFLICT)
def retry_model(model_id: NamedId) -> Model:
    """Tries a failed fetch once more."""
    models.retry_model(model_id)
    return models.look_up(model_id)


@router.post("/{id}/cancel", summary="Cancel a download", response_model=ModelAnswer, responses=NOT_FOUND | CONFLICT)
def cancel_model(model_id: NamedId) -> Model:
    """Ends a download. What has arrived whole stays for a retry."""
    return models.cancel_model(model_id)


@router.delete("/{id}", status_code=204, summary="Delete a model", responses=NOT_FOUND | CONFLICT)
def delete_model(model_id: NamedId, response: Response) -> None:
    """Deletes the model and its files. Refused while a run uses it.

    For 30 seconds `POST /api/models/undo/{id}` brings it back; the header X-Undo-Id says the id.
    """
    response.headers["X-Undo-Id"] = deleting.delete_model(model_id)


def shown(model: Model, request: Request) -> ModelAnswer:
    """The model as whoever asks may see it: paths of this machine are nothing for a visitor."""
    answer = ModelAnswer.model_validate(model)
    if loss := gguf_files.loss(model):
        answer = answer.model_copy(update={"remarks": [loss, *answer.remarks]})
    if request.state.role != "viewer":
        return answer
    is_path = answer.source in ("path", "gguf")
    source_id = PurePath(answer.source_id).name if is_path else answer.source_id
    return answer.model_copy(update={"path": None, "source_id": source_id})


def _source_id(body: ModelBody) -> str:
    if body.source != "starter" and not body.id.strip():
        raise RefusedError(f"A model from `{body.source}` needs an id.", "Give the hub id, or the absolute path.")
    return body.id.strip()
