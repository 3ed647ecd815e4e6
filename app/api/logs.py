"""Logs of what works: of a run's worker, of the process behind an endpoint, of a piece of work. One way for all."""

from pathlib import Path as File
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import LARGEST, Answer, PathId
from engine.process import output
from engine.process import work as pieces
from engine.process.output import Level
from engine.runtimes import runtimes
from engine.serve import printed
from storage import db
from storage.tables import Benchmark, Evaluation, Export

router = APIRouter(tags=["system"])
From = Annotated[
    int, Query(ge=-LARGEST, le=LARGEST, description="Read from this byte on; a negative one counts from the end.")
]
Words = Annotated[str, Query(max_length=200, description="Words that the line holds, whatever the case.")]
OfLevel = Annotated[Level | None, Query(description="Only lines of this level.")]
After = Annotated[int, Query(ge=0, le=LARGEST, description="Only lines from this byte on.")]
Most = Annotated[int, Query(ge=1, le=1000, description="At most so many lines.")]
AS_TEXT: dict[int | str, dict[str, Any]] = {200: {"description": "The log as text.", "content": {"text/plain": {}}}}


class LogAnswer(Answer):
    text: str = Field(description="What was printed.")
    offset: int = Field(description="Where to continue: give it as `offset` next time.")
    levels: list[tuple[int, Level]] = Field(
        description="Lines of the text, counted from 0, that are an error, a warning or a progress bar."
    )


class LogLineAnswer(Answer):
    offset: int = Field(description="The byte of the log at which the line begins: an `offset` to read from.")
    text: str = Field(description="The line, cut at 2,000 characters.")
    level: Level = Field(description="error, warning, progress or other.")


class FoundLinesAnswer(Answer):
    lines: list[LogLineAnswer] = Field(description="Lines that were found, in their order.")
    next: int | None = Field(description="Where a further search goes on: give it as `after`. Empty at the log's end.")


def read(path: File, offset: int) -> LogAnswer:
    """What stands from a byte on, with the levels of its lines."""
    text, end = output.text(path, offset)
    levels = ((at, output.level_of(line)) for at, line in enumerate(text.split("\n")))
    return LogAnswer(text=text, offset=end, levels=[(at, level) for at, level in levels if level != "other"])


def _of_work(request: Request, work_id: PathId) -> File:
    """Of a piece of work by its own id, or by that of the evaluation, export or benchmark that it is done for.

    What an installation wrote is not for visitors: it names places on this machine.
    """
    with db.reading() as session:
        done_for = session.get(Evaluation, work_id) or session.get(Export, work_id) or session.get(Benchmark, work_id)
        work_id = (done_for.work_id if done_for is not None else None) or work_id
    work = pieces.look_up(work_id)
    installing = runtimes.log_of(work) if request.state.role != "viewer" else None
    return installing or pieces.folder(work) / output.FILE


OfWork = Annotated[File, Depends(_of_work)]


def found(lines: output.Found) -> FoundLinesAnswer:
    return FoundLinesAnswer.model_validate(lines, from_attributes=True)


def download(path: File, name: str) -> StreamingResponse:
    headers = {"content-disposition": f'attachment; filename="{name}.log"', "x-content-type-options": "nosniff"}
    return StreamingResponse(output.whole(path), media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/backends/{id}/log", summary="Log of an endpoint's process", responses=NOT_FOUND)
def show_backend_log(backend_id: PathId, offset: From = 0) -> LogAnswer:
    """What the process behind an endpoint printed, from a byte offset on. GET /api/endpoints/ID names its backends."""
    return read(printed.log_of(backend_id), offset)


@router.get("/backends/{id}/log/lines", summary="Search an endpoint's log", responses=NOT_FOUND)
def search_backend_log(
    backend_id: PathId, search: Words = "", level: OfLevel = None, after: After = 0, limit: Most = 200
) -> FoundLinesAnswer:
    """Lines of the log that hold some words or have a level. `level=error&limit=1` is the first error."""
    return found(output.search(printed.log_of(backend_id), search, level, after, limit))


@router.get(
    "/backends/{id}/log/download",
    summary="Download an endpoint's log",
    response_class=StreamingResponse,
    responses=NOT_FOUND | AS_TEXT,
)
def download_backend_log(backend_id: PathId) -> StreamingResponse:
    """All that is kept of the log, with secrets hidden."""
    return download(printed.log_of(backend_id), backend_id)


@router.get("/work/{id}/log", summary="Log of a piece of work", responses=NOT_FOUND)
def show_work_log(log: OfWork, offset: From = 0) -> LogAnswer:
    """What a piece of work printed, from a byte on. The id of its evaluation, export or benchmark does as well."""
    return read(log, offset)


@router.get("/work/{id}/log/lines", summary="Search the log of a piece of work", responses=NOT_FOUND)
def search_work_log(
    log: OfWork, search: Words = "", level: OfLevel = None, after: After = 0, limit: Most = 200
) -> FoundLinesAnswer:
    """Lines of the log that hold some words or have a level. `level=error&limit=1` is the first error."""
    return found(output.search(log, search, level, after, limit))


@router.get(
    "/work/{id}/log/download",
    summary="Download the log of a piece of work",
    response_class=StreamingResponse,
    responses=NOT_FOUND | AS_TEXT,
)
def download_work_log(work_id: PathId, log: OfWork) -> StreamingResponse:
    """All that is kept of the log, with secrets hidden."""
    return download(log, work_id)
