"""Exports of datasets over REST: a worker writes the file, then it is downloaded."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, NamedId
from engine.data import export
from storage.statuses import WorkStatus
from storage.tables import Work

router = APIRouter(prefix="/datasets", tags=["datasets"])

ExportId = Annotated[str, Path(alias="export_id", pattern=r"^[0-9a-z-]{1,64}$", description="The export's id.")]


class DatasetExportBody(Body):
    form: Literal["trl", "openai", "sharegpt", "alpaca"] = Field(
        default="trl",
        description="How rows are written. trl takes every kind and loses nothing; the others take chats.",
    )
    file: Literal["jsonl", "parquet"] = Field(default="jsonl", description="The kind of file.")
    packed: Literal["", "gz", "zst"] = Field(default="", description="How a JSONL file is packed; empty for not.")


class DatasetExportAnswer(Answer):
    id: str = Field(description="The export's id.")
    status: WorkStatus = Field(description="queued, running, succeeded, failed or stopped.")
    progress: float | None = Field(description="How far it is, 0 to 1; null when unknown.")
    result: dict[str, Any] = Field(
        description="When it succeeded: `rows` that were written, `left_out` (rows that do not fit the form), `bytes`."
    )
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")


@router.post(
    "/{id}/export", status_code=202, summary="Export a dataset", response_model=DatasetExportAnswer,
    responses=NOT_FOUND | CONFLICT,
)  # fmt: skip
def export_dataset(dataset_id: NamedId, body: DatasetExportBody) -> Work:
    """Begins to write the dataset into a file. The same export is made once; ask for its status, then download it."""
    return export.start(dataset_id, body.form, body.file, body.packed)


@router.get(
    "/{id}/export/{export_id}", summary="Show an export", response_model=DatasetExportAnswer, responses=NOT_FOUND
)
def show_dataset_export(dataset_id: NamedId, export_id: ExportId) -> Work:
    """How far the export is."""
    return export.look_up(dataset_id, export_id)


@router.get(
    "/{id}/export/{export_id}/file",
    summary="Download an export",
    response_class=FileResponse,
    responses=NOT_FOUND | CONFLICT | {200: {"description": "The file.", "content": {"application/octet-stream": {}}}},
)
def download_dataset_export(dataset_id: NamedId, export_id: ExportId) -> FileResponse:
    """The file of a finished export."""
    download = export.download(dataset_id, export_id)
    return FileResponse(download.path, media_type=download.media_type, filename=download.name)
