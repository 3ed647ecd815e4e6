"""Datasets over REST."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, Json, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse

from app import upload
from app.answers.errors import CONFLICT, NOT_FOUND, TOO_LARGE
from app.answers.fields import Answer, Body, Limit, Name, NamedId, Offset, RowId, Text, total
from app.answers.lists import DatasetFilters
from app.api.data import sources
from engine.data import datasets, importing, row_filter
from engine.errors import RefusedError
from engine.rows.mapping.mapping import parse
from storage import db
from storage.lists import datasets as stored
from storage.statuses import DatasetStatus
from storage.tables import DEFAULT_PROJECT, Dataset

router = APIRouter(prefix="/datasets", tags=["datasets"])

MOST_JSON_BYTES = 100_000


class EncodingChoice(Answer):
    encoding: str = Field(description="The encoding, for `PUT .../mapping`.")
    label: str = Field(description="What people call it.")
    sample: str = Field(description="A part of the text, read in it.")


class DatasetAnswer(Answer):
    id: str = Field(description="The dataset's id, for recipes.")
    project_id: str = Field(description="The project it belongs to.")
    name: str = Field(description="What lists show.")
    status: DatasetStatus = Field(description="importing, ready, needs_mapping or failed.")
    source: str = Field(description="Where it came from: upload, path, hub or lesson.")
    source_name: str = Field(description="The file's own name, or the hub id.")
    format: str | None = Field(description="The layout that was recognised: alpaca, messages, prompt_completion ...")
    kind: str | None = Field(
        description="What its rows are: chat, completion, text, preference, unpaired, prompt, stepwise; null at first."
    )
    confidence: float | None = Field(description="Share of the rows looked at that are in `format`, 0 to 1.")
    encoding: str | None = Field(
        description="What its text was read as: utf-8, cp949 ...; separated by commas where files differ. Null for "
        "Parquet and Arrow, and for what was made from other datasets. `PUT .../mapping` changes it."
    )
    encodings: list[EncodingChoice] = Field(
        description="With needs_mapping, where it is not clear in which encoding a file is: the likely ones."
    )
    columns: list[str] = Field(description="Names of the columns found in the file.")
    mapping: dict[str, Any] | None = Field(description="The mapping of columns and roles in force; null when detected.")
    family_id: str = Field(description="The id of the first version of this dataset.")
    version: int = Field(description="Number of the version, from 1. A change of a dataset makes a new version.")
    parents: list[str] = Field(description="Ids of the datasets it was made from.")
    operation: dict[str, Any] | None = Field(description="How it was made from them; null for an imported one.")
    origin: dict[str, Any] = Field(description="Where its rows came from: files, or a dataset on the hub.")
    progress: float | None = Field(description="How far the import is, 0 to 1; null when unknown.")
    rows: int = Field(description="Rows in the source.")
    accepted: int = Field(description="Rows taken as they are. Trained on are these and the repaired ones.")
    repaired: int = Field(description="Rows taken after a repair; the summary says which.")
    rejected: int = Field(description="Rows that cannot be used; the rejections say why.")
    size_bytes: int = Field(description="Size of the stored, columnar file.")
    error: str | None = Field(description="Why the import failed.")
    hint: str | None = Field(description="What to do about it.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    tags: list[str] = Field(description="Words to find it by; the same in all versions.")
    description: str = Field(description="What people wrote about it; the same in all versions.")


Contained = Annotated[
    str,
    Query(max_length=row_filter.LONGEST_TEXT, description="Only rows with this text in any column, in any case."),
]
ByLength = Annotated[row_filter.Order, Query(description="shortest or longest rows first; empty: as they come.")]


class DatasetRowsAnswer(Answer):
    rows: list[dict[str, Any]] = Field(description="The rows, as they will be trained on.")
    total: int = Field(description="How many rows the dataset has; with `q`, how many contain it.")
    offset: int = Field(description="How many were skipped.")
    positions: list[int] = Field(description="Where each of the rows is in the dataset, from 0.")
    looked_at: int = Field(description="How many rows were searched, from the first on.")
    complete: bool = Field(description="False while a large dataset is still being searched: ask again.")


class Rejection(Answer):
    row: int | None = Field(default=None, description="Number of the row in the source, from 1; null for the file.")
    file: str | None = Field(default=None, description="The file it is in, when there were several.")
    rule: str = Field(description="The rule it broke.")
    value: Any = Field(default=None, description="What was there, shortened.")
    fix: str = Field(default="", description="What would make it right.")


class RejectionsAnswer(Answer):
    rejections: list[Rejection] = Field(description="The rejected rows, in the order of the source.")
    total: int = Field(description="How many rows were rejected.")
    offset: int = Field(description="How many were skipped.")


class PathBody(Body):
    source: Literal["path", "hub"] = Field(description="path: a file on the studio's machine. hub: from the hub.")
    id: Text = Field(description="The absolute path of the file or folder, or the id on the hub: owner/name.")
    mapping: dict[str, Any] | None = Field(
        default=None, description="Path: which column is which part, as `PUT .../mapping` takes it; else detected."
    )
    encoding: Text | None = Field(
        default=None, description="Path: the encoding of the text, such as cp949; else found."
    )
    config: Text | None = Field(default=None, description="Hub: the configuration; the default one when left out.")
    split: Text | None = Field(default=None, description="Hub: the split; train, or the only one, when left out.")
    revision: Text | None = Field(default=None, description="Hub: a branch, tag or commit; main when left out.")
    name: Name | None = Field(default=None, description="What lists show; the file's name when left out.")
    project_id: RowId = Field(default=DEFAULT_PROJECT, description="The project it will belong to.")


class UploadFields(Body):
    name: Name | None = Field(default=None, description="What lists show; the file's name when left out.")
    project_id: RowId = Field(default=DEFAULT_PROJECT, description="The project it will belong to.")
    mapping: Json[dict[str, Any]] | None = Field(default=None, description="Which column is which part, as JSON text.")
    encoding: Text | None = Field(default=None, description="The encoding of the text, such as cp949; else found.")


_UPLOAD_SCHEMA = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "description": "The file: JSON, JSONL, CSV, Parquet ... Several parts `file` become one dataset.",
        },
        "name": {"type": "string", "description": "What lists show; the file's name when left out."},
        "project_id": {"type": "string", "description": "The project it will belong to."},
        "mapping": {"type": "string", "description": "Which column is which part, as JSON text."},
        "encoding": {"type": "string", "description": "The encoding of the text, such as cp949; else found."},
    },
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _UPLOAD_SCHEMA},
            "application/json": {"schema": PathBody.model_json_schema()},
        },
    }
}


@router.get("", summary="List datasets", response_model=list[DatasetAnswer])
def list_datasets(
    response: Response, asked: DatasetFilters, offset: Offset = 0, limit: Limit = 100
) -> Sequence[Dataset]:
    """Every version of the datasets, newest first unless sorted otherwise. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, stored.count(session, asked))
        return stored.page(session, asked, limit, offset, whole=True)


@router.post(
    "",
    status_code=201,
    summary="Import a dataset",
    response_model=DatasetAnswer,
    responses=NOT_FOUND | TOO_LARGE,
    openapi_extra=BODY,
)
async def import_dataset(request: Request) -> Dataset:
    """Takes files (multipart/form-data), or a file, folder or hub id (JSON), and begins to import one dataset."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _from_upload(await upload.receive(request))
    if kind == "application/json":
        body = checked(PathBody, await read_json(request))
        return await run_in_threadpool(_from_path, body)
    raise RefusedError(f"A dataset cannot come as `{kind:.80}`.", "Send multipart/form-data or application/json.")


@router.get("/{id}", summary="Show a dataset", response_model=DatasetAnswer, responses=NOT_FOUND)
def show_dataset(dataset_id: NamedId) -> Dataset:
    """One dataset."""
    return datasets.look_up(dataset_id)


@router.get("/{id}/rows", summary="Rows of a dataset", responses=NOT_FOUND | CONFLICT)
def show_rows(
    dataset_id: NamedId, offset: Offset = 0, limit: Limit = 50, q: Contained = "", sort: ByLength = ""
) -> DatasetRowsAnswer:
    """The rows as they will be trained on, by position; with `q` only those that contain it, without a version.

    With `q` or `sort` at most 200 are answered at once. A large dataset may still be searched: see `complete`.
    """
    if q or sort:
        matches = row_filter.find(dataset_id, q, offset, limit, sort)
        rows, positions = [hit.row for hit in matches.rows], [hit.position for hit in matches.rows]
        return _rows_answer(rows, positions, offset, matches.total, matches.looked_at, matches.complete)
    dataset = datasets.look_up(dataset_id)
    rows, total = datasets.rows(dataset_id, offset, limit), dataset.train_rows
    return _rows_answer(rows, list(range(offset, offset + len(rows))), offset, total, total, True)


def _rows_answer(rows: list[Any], positions: list[int], offset: int, *counts: int) -> DatasetRowsAnswer:
    total, looked_at, complete = counts
    return DatasetRowsAnswer(
        rows=rows, positions=positions, offset=offset, total=total, looked_at=looked_at, complete=bool(complete)
    )


@router.get("/{id}/rejections", summary="Rejected rows", responses=NOT_FOUND)
def show_rejections(dataset_id: NamedId, offset: Offset = 0, limit: Limit = 50) -> RejectionsAnswer:
    """The rows that cannot be used, each with the rule it broke and what would help."""
    dataset = datasets.look_up(dataset_id)
    rejections = [Rejection.model_validate(rejection) for rejection in datasets.rejections(dataset_id, offset, limit)]
    return RejectionsAnswer(rejections=rejections, total=dataset.rejected, offset=offset)


@router.get(
    "/{id}/rejections.jsonl",
    summary="Download the rejected rows",
    response_class=FileResponse,
    responses=NOT_FOUND | {200: {"description": "A JSON object a line.", "content": {"application/x-ndjson": {}}}},
)
def download_rejections(dataset_id: NamedId) -> FileResponse:
    """Every rejected row as JSONL: number in the file, rule, value, fix."""
    file = datasets.rejections_file(dataset_id)
    return FileResponse(file, media_type="application/x-ndjson", filename=f"rejected-{dataset_id}.jsonl")


@router.post("/{id}/cancel", summary="Cancel an import", response_model=DatasetAnswer, responses=NOT_FOUND)
def cancel_import(dataset_id: NamedId) -> Dataset:
    """Ends an import that is under way or waits; one that is over stays as it is."""
    return datasets.cancel_import(dataset_id)


@router.delete("/{id}", status_code=204, summary="Delete a dataset", responses=NOT_FOUND | CONFLICT)
def delete_dataset(dataset_id: NamedId, response: Response) -> None:
    """Deletes the dataset. Refused while a run uses it.

    For 30 seconds `POST /api/datasets/undo/{id}` brings it back; the header X-Undo-Id says the id.
    """
    response.headers["X-Undo-Id"] = datasets.delete_dataset(dataset_id)


async def _from_upload(form: upload.Form) -> Dataset:
    if not form.files:
        raise RefusedError("The form has no file.", "Name the part `file`.")
    try:
        fields = checked(UploadFields, form.fields)
        files = [(path, sources.plain_name(name)) for path, name in form.files]
        name = fields.name or sources.name_of(files[0][1])
        mapping = parse(fields.mapping).model_dump() if fields.mapping else None
        chosen = importing.chosen(fields.encoding)
        return await run_in_threadpool(datasets.import_files, files, name, fields.project_id, "upload", mapping, chosen)
    finally:
        form.discard()  # the import has moved them, or refused them


def _from_path(body: PathBody) -> Dataset:
    if body.source == "hub" and body.encoding:
        raise RefusedError("The encoding of a dataset of the hub is found.", "Leave it out; it can be changed later.")
    if body.source == "hub":
        return datasets.import_hub(
            body.id, body.config, body.split, body.revision, body.name or "", project_id=body.project_id
        )
    if body.config or body.split or body.revision:
        raise RefusedError("Only a dataset of the hub has a configuration, split or revision.", "Leave them out.")
    files, mapping = sources.local_files(body.id), parse(body.mapping).model_dump() if body.mapping else None
    name = body.name or sources.name_of(Path(body.id).name if len(files) > 1 else files[0][1])
    return datasets.import_files(files, name, body.project_id, "path", mapping, importing.chosen(body.encoding))


async def read_json(request: Request) -> bytes:
    """The body, as long as a body of JSON may be here. Raises RefusedError."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_JSON_BYTES:
            raise RefusedError("The body is too long.", "A source and a path are enough.")
    return body


def checked(kind: Any, values: Any) -> Any:
    """`kind` from JSON bytes or plain values; violations come out like FastAPI's own."""
    try:
        return kind.model_validate_json(values) if isinstance(values, bytes) else kind.model_validate(values)
    except ValidationError as error:
        details = [
            {**detail, "loc": ("body", *detail["loc"])}
            for detail in error.errors(include_url=False, include_context=False)
        ]
        raise RequestValidationError(details) from error
