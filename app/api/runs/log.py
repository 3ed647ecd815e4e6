"""The log of a run over REST: followed by offset, searched, downloaded."""

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.answers.errors import NOT_FOUND
from app.answers.fields import NamedId
from app.api import logs
from app.api.logs import AS_TEXT, After, FoundLinesAnswer, From, LogAnswer, Most, OfLevel, Words
from engine.runs import output

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("/{id}/log", summary="Log of a run", responses=NOT_FOUND)
def show_run_log(run_id: NamedId, offset: From = 0) -> LogAnswer:
    """What the worker printed, from a byte offset on. Of a very long log the middle is not kept; the text says so."""
    return logs.read(output.path_of(run_id), offset)


@router.get("/{id}/log/lines", summary="Search the log of a run", responses=NOT_FOUND)
def search_run_log(
    run_id: NamedId, search: Words = "", level: OfLevel = None, after: After = 0, limit: Most = 200
) -> FoundLinesAnswer:
    """Lines of the log that hold some words or have a level. `level=error&limit=1` is the first error."""
    return logs.found(output.search(run_id, search, level, after, limit))


@router.get(
    "/{id}/log/download",
    summary="Download the log of a run",
    response_class=StreamingResponse,
    responses=NOT_FOUND | AS_TEXT,
)
def download_run_log(run_id: NamedId) -> StreamingResponse:
    """All that is kept of the log, with secrets hidden."""
    return logs.download(output.path_of(run_id), run_id)
