"""The log of a run over REST: followed by offset, searched, downloaded."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import LARGEST, Answer, NamedId
from engine.runs import output
from engine.runs.output import Level

router = APIRouter(prefix="/runs", tags=["runs"])


class LogAnswer(Answer):
    text: str = Field(description="What the worker printed.")
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


@router.get("/{id}/log", summary="Log of a run", responses=NOT_FOUND)
def show_run_log(
    run_id: NamedId,
    offset: Annotated[
        int, Query(ge=-LARGEST, le=LARGEST, description="Read from this byte on; a negative one counts from the end.")
    ] = 0,
) -> LogAnswer:
    """What the worker printed, from a byte offset on. Of a very long log the middle is not kept; the text says so."""
    text, end = output.text(run_id, offset)
    levels = ((at, output.level_of(line)) for at, line in enumerate(text.split("\n")))
    return LogAnswer(text=text, offset=end, levels=[(at, level) for at, level in levels if level != "other"])


@router.get("/{id}/log/lines", summary="Search the log of a run", responses=NOT_FOUND)
def search_run_log(
    run_id: NamedId,
    search: Annotated[str, Query(max_length=200, description="Words that the line holds, whatever the case.")] = "",
    level: Annotated[Level | None, Query(description="Only lines of this level.")] = None,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="Only lines from this byte on.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="At most so many lines.")] = 200,
) -> FoundLinesAnswer:
    """Lines of the log that hold some words or have a level. `level=error&limit=1` is the first error."""
    return FoundLinesAnswer.model_validate(output.search(run_id, search, level, after, limit), from_attributes=True)


@router.get(
    "/{id}/log/download",
    summary="Download the log of a run",
    response_class=StreamingResponse,
    responses=NOT_FOUND | {200: {"description": "The log as text.", "content": {"text/plain": {}}}},
)
def download_run_log(run_id: NamedId) -> StreamingResponse:
    """All that is kept of the log, with secrets hidden."""
    headers = {"content-disposition": f'attachment; filename="{run_id}.log"', "x-content-type-options": "nosniff"}
    return StreamingResponse(output.whole(run_id), media_type="text/plain; charset=utf-8", headers=headers)
