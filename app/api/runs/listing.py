"""The list of runs over REST: filtered, sorted, a page at a time."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from app.answers.fields import LARGEST, Limit, Offset, ProjectFilter, total
from app.api.runs.runs import RunAnswer
from engine.runs import listing
from storage.run_lists.wanted import ORDERS, Wanted
from storage.statuses import RunStatus
from storage.tables import Run

router = APIRouter(prefix="/runs", tags=["runs"])
Id = Annotated[str, Query(pattern=r"^[0-9a-z-]{0,64}$")]
Word = Annotated[str, Query(max_length=120)]
SORT = f"One of {', '.join(ORDERS)}, or metric:NAME:last or metric:NAME:best; with - before it the greatest first."
Time = Annotated[float | None, Query(ge=0, le=LARGEST)]


def _fields(
    method: Annotated[str, Query(max_length=40, description="Only this method, such as sft.")] = "",
    model_id: Annotated[Id, Query(description="Only runs on this base model.")] = "",
    dataset_id: Annotated[Id, Query(description="Only runs on this dataset.")] = "",
    sweep_id: Annotated[Id, Query(description="Only trials of this sweep.")] = "",
    tag: Annotated[Word, Query(description="Only those with this tag.")] = "",
    status: Annotated[list[RunStatus] | None, Query(description="Only these; may be given several times.")] = None,
) -> Wanted:
    ids: dict[str, Any] = {"model_id": model_id, "dataset_id": dataset_id, "sweep_id": sweep_id}
    return Wanted(statuses=tuple(status or ()), method=method, tag=tag, **ids)


def _asked(
    fields: Annotated[Wanted, Depends(_fields)],
    search: Annotated[Word, Query(description="Every word has to be in the name or a tag.")] = "",
    favourite: Annotated[bool | None, Query(description="Only favourites, or only others.")] = None,
    archived: Annotated[bool | None, Query(description="Only the archive, or only the rest. Both if left out.")] = None,
    since: Annotated[Time, Query(description="Created then or later: seconds since 1970, UTC.")] = None,
    until: Annotated[Time, Query(description="Created before.")] = None,
) -> Wanted:
    marks = {"favourite": favourite, "archived": archived, "since": since, "until": until}
    return Wanted(**{**vars(fields), **marks, "search": search})


@router.get("", summary="List runs", response_model=list[RunAnswer])
def list_runs(
    response: Response,
    asked: Annotated[Wanted, Depends(_asked)],
    project_id: ProjectFilter = None,
    sort: Annotated[str, Query(max_length=220, description=SORT)] = listing.NEWEST,
    offset: Offset = 0,
    limit: Limit = 100,
) -> Sequence[Run]:
    """The runs, newest first unless sorted otherwise. `X-Total-Count` says how many there are."""
    filters = Wanted(**{**vars(asked), "project_id": project_id, "order": listing.order(sort)})
    listed = listing.page(filters, limit, offset, whole=True)
    total(response, listed.total)
    return listed.runs
