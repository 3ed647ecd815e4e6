"""/v1/files: training data comes in, is listed, given back and deleted."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from app import upload
from app.v1.fine_tuning import calls, shapes
from app.v1.request_bodies import ApiError
from engine.errors import TunesmithError
from engine.finetuning import files, results
from engine.finetuning.wrong import ParameterError

router = APIRouter(prefix="/v1/files", tags=["OpenAI API"])

PURPOSE = "fine-tune"
MOST = 10_000
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"description": "A parameter is wrong; `error.param` names it."},
    404: {"description": "There is no such file."},
    413: {"description": "The file is larger than TUNESMITH_MAX_UPLOAD_GB."},
}
_FORM = {
    "type": "object",
    "required": ["file", "purpose"],
    "properties": {"file": {"type": "string", "format": "binary"}, "purpose": {"type": "string", "enum": [PURPOSE]}},
}
_UPLOAD = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}}


@router.post("", summary="Upload a file", responses=ERRORS, response_class=Response, openapi_extra=_UPLOAD)
async def upload_file(request: Request) -> Response:
    """As OpenAI's: `file` and `purpose`, which is `fine-tune`. The file becomes a dataset of the studio."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        return ApiError("Send the file as multipart/form-data.", 400, "file").response()
    try:
        form = await upload.receive(request)
    except TunesmithError as error:
        return calls.refusal(error, "file").response()
    try:
        return await calls.answered(lambda: _take_in(form))
    finally:
        form.discard()  # the import has moved it, or refused it


def _take_in(form: upload.Form) -> dict[str, Any]:
    for name in form.fields:
        if name != "purpose":
            raise ParameterError(f"There is no parameter `{name:.80}` here.", name[:80], "unknown_parameter")
    if len(form.files) != 1:
        raise ParameterError(f"{len(form.files)} files came. Send one, as `file`.", "file")
    purpose = form.fields.get("purpose")
    if purpose != PURPOSE:
        said = "is missing" if purpose is None else f"is `{purpose:.40}`"
        raise ParameterError(f"`purpose` {said}: files here are for `{PURPOSE}` alone.", "purpose")
    path, name = form.files[0]
    return shapes.file(*files.take_in(path, name))


@router.get("", summary="List files", responses=ERRORS, response_class=Response)
async def list_files(request: Request) -> Response:
    """As OpenAI's: `after`, `limit`, `order` (asc or desc) and `purpose`. Files that came by this API alone."""
    return await calls.answered(lambda: _listed(request))


def _listed(request: Request) -> dict[str, Any]:
    asked, limit = request.query_params, calls.limit_of(request, MOST, MOST)
    order = asked.get("order", "desc")
    if order not in ("asc", "desc"):
        raise ParameterError(f"`order` is `{order:.40}`. There are `asc` and `desc`.", "order")
    if asked.get("purpose", PURPOSE) != PURPOSE:
        return shapes.page([], limit)
    known = files.listed(limit + 1, asked.get("after"), order == "asc")
    return shapes.page([shapes.file(*entry) for entry in known], limit)


@router.get("/{file_id}", summary="Look up a file", responses=ERRORS, response_class=Response)
async def show_file(file_id: str) -> Response:
    """`uploaded` while it is read, then `processed` or `error`; `status_details` tells what is wrong, and its rows."""
    if results.is_one(file_id):
        return await calls.answered(lambda: shapes.result_file(results.look_up(file_id)))
    return await calls.answered(lambda: shapes.whole_file(*files.look_up(file_id)))


@router.get("/{file_id}/content", summary="Content of a file", responses=ERRORS, response_class=FileResponse)
async def download_file(file_id: str) -> Response:
    """The file as it was uploaded; of a job's result file, its numbers as CSV."""
    try:
        if results.is_one(file_id):
            known = await run_in_threadpool(results.look_up, file_id)
            return StreamingResponse(results.csv_lines(known), media_type="text/csv; charset=utf-8")
        path, name = await run_in_threadpool(files.content, file_id)
    except TunesmithError as error:
        return calls.refusal(error).response()
    return FileResponse(path, media_type="application/octet-stream", filename=name)


@router.delete("/{file_id}", summary="Delete a file", responses=ERRORS, response_class=Response)
async def delete_file(file_id: str) -> Response:
    """Its dataset stays in the studio where a run has learned from it."""

    def delete() -> dict[str, Any]:
        files.delete(file_id)
        return {"id": file_id, "object": "file", "deleted": True}

    return await calls.answered(delete)
