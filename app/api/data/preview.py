"""Previews over REST: what an import would make of files, or of a dataset of the hub. Nothing is stored."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from app import upload
from app.answers.errors import NOT_FOUND, TOO_LARGE
from app.answers.fields import Answer
from app.api.data import sources
from app.api.data.datasets import BODY, EncodingChoice, PathBody, UploadFields, checked, read_json
from app.api.data.mapping import TriedRow
from engine.data import previews
from engine.data.previews import Preview
from engine.errors import RefusedError
from engine.rows.mapping.mapping import Mapping, parse

router = APIRouter(prefix="/datasets", tags=["datasets"])

SHOWN_ROWS = 20


class PreviewFile(Answer):
    name: str = Field(description="The file's own name.")
    written_as: str = Field(description="How rows are written in it: JSON Lines, CSV separated by semicolons ...")
    encoding: str = Field(description="What its text is read as; empty for Parquet and Arrow.")
    bytes: int = Field(description="Its size.")


class PreviewAnswer(Answer):
    files: list[PreviewFile] = Field(description="The files that were looked at: the first twenty.")
    format: str | None = Field(description="The layout that was recognised; null for none, or for a mapping.")
    kind: str | None = Field(description="What the rows would become: chat, completion, text ...")
    methods: list[str] = Field(description="The methods that learn from rows of this kind, the usual one first.")
    confidence: float = Field(description="Share of the rows looked at that are in that format, 0 to 1.")
    guessed: bool = Field(description="Whether the mapping is only a guess: an import would wait for one.")
    remembered: str | None = Field(description="The dataset whose mapping is taken, as it has the same columns.")
    mapping: Mapping | None = Field(description="Which column is which part, as an import takes it.")
    columns: list[str] = Field(description="The columns of the files.")
    encodings: list[EncodingChoice] = Field(description="Where the encoding is not clear: the likely ones.")
    rows: int | None = Field(description="How many rows there are, about unless `exact`; null when not known.")
    exact: bool = Field(description="Whether all rows were counted.")
    looked_at: int = Field(description="How many rows were judged, from the first on.")
    accepted: int = Field(description="How many of these would be taken as they are.")
    repaired: int = Field(description="How many would be taken after a repair.")
    rejected: int = Field(description="How many would be rejected.")
    rules: dict[str, int] = Field(description="How often each rule would be broken.")
    first_rows: list[TriedRow] = Field(description="The first rows as they would be trained on, long texts cut.")


@router.post(
    "/preview",
    summary="Preview an import",
    response_model=PreviewAnswer,
    responses=NOT_FOUND | TOO_LARGE,
    openapi_extra=BODY,
)
async def preview_dataset(request: Request) -> PreviewAnswer:
    """What an import of the same body would make of it, by the first rows. Nothing is stored; uploaded files go."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _of_upload(await upload.receive(request))
    if kind == "application/json":
        return await run_in_threadpool(_of_path, checked(PathBody, await read_json(request)))
    raise RefusedError(f"A dataset cannot come as `{kind:.80}`.", "Send multipart/form-data or application/json.")


async def _of_upload(form: upload.Form) -> PreviewAnswer:
    try:
        fields = checked(UploadFields, form.fields)
        files = [(path, sources.plain_name(name)) for path, name in form.files]
        return await run_in_threadpool(_look, files, "upload", fields)
    finally:
        form.discard()


def _of_path(body: PathBody) -> PreviewAnswer:
    if body.source == "hub":
        look = previews.begin_hub(body.id, body.config or "", body.split or "", body.revision or "", body.project_id)
        return _answer(previews.wait(look))
    return _look(sources.local_files(body.id), "path", body)


def _look(files: list[Any], source: str, fields: PathBody | UploadFields) -> PreviewAnswer:
    mapping = parse(fields.mapping).model_dump() if fields.mapping else None
    return _answer(previews.wait(previews.begin(files, source, fields.project_id, fields.encoding or "", mapping)))


def _answer(preview: Preview) -> PreviewAnswer:
    facts = {**preview.facts, "methods": preview.methods, "first_rows": preview.rows[:SHOWN_ROWS]}
    return PreviewAnswer.model_validate(facts)
