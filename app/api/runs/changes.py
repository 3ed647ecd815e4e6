"""What people write on runs, over REST: names, tags, notes, favourites, the archive; many at once; undo."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Response
from pydantic import AliasChoices, Field, model_validator

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import LARGEST, Answer, Body, Name, NamedId, PathId, ProjectFilter, RowId
from app.api.runs.runs import Priority, RunAnswer
from engine import names
from engine.runs import bulk, changes
from engine.runs.queue import changes as queue_changes
from storage.run_lists.wanted import Wanted
from storage.statuses import RunStatus
from storage.tables import Run

router = APIRouter(prefix="/runs", tags=["runs"])
UNDO_HEADER = "X-Undo-Id"
Tags = Annotated[list[Annotated[str, Field(max_length=names.LONGEST_TAG)]], Field(max_length=names.MOST_TAGS)]


class ChangeRunBody(Body):
    """What is left out stays as it is."""

    name: Name | None = Field(default=None, description="What lists show.")
    tags: Tags | None = Field(default=None, description="Words to find it by: these and no others.")
    note: str | None = Field(
        default=None, max_length=names.LONGEST_NOTE, description="Markdown, shown on the run's page. Empty: no note."
    )
    favourite: bool | None = Field(default=None, description="Whether it is a favourite.")
    archived: bool | None = Field(default=None, description="Whether the list hides it.")
    priority: Priority | None = Field(default=None, description="If it waits: the greatest starts first; 0 is usual.")
    after: str | None = Field(
        default=None, max_length=64, description="Of a waiting run: the run at whose end it starts. Empty: none."
    )


class RunFilterBody(Body):
    """All runs that fit every field that is given. At least one is: nobody means all there are by a slip."""

    project_id: RowId = Field(default="", description="Only this project.")
    search: str = Field(default="", max_length=120, description="Every word has to be in the name, a tag or the note.")
    status: list[RunStatus] = Field(default=[], description="Only these.")
    method: str = Field(default="", max_length=40, description="Only this method, such as sft.")
    model_id: RowId = Field(default="", description="Only runs on this base model.")
    dataset_id: RowId = Field(default="", description="Only runs on this dataset.")
    sweep_id: RowId = Field(default="", description="Only trials of this sweep.")
    tag: str = Field(default="", max_length=120, description="Only those with this tag.")
    favourite: bool | None = Field(default=None, description="Only favourites, or only others.")
    archived: bool | None = Field(default=None, description="Only the archive, or only the rest. Both if left out.")
    since: float | None = Field(
        default=None, ge=0, le=LARGEST, description="Created then or later: seconds since 1970."
    )
    until: float | None = Field(default=None, ge=0, le=LARGEST, description="Created before.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_dump(exclude_defaults=True):
            raise ValueError("an empty filter names every run; name at least a project_id")
        return self

    def wanted(self) -> Wanted:
        fields = self.model_dump(exclude={"status"})
        return Wanted(**fields, statuses=tuple(self.status))


class BulkBody(Body):
    """Runs by their ids, or all that a filter finds on any page."""

    action: bulk.Action = Field(description="What is done with each of them.")
    run_ids: list[RowId] | None = Field(
        default=None, min_length=1, max_length=bulk.MOST_AT_ONCE, description="Ids of runs; or `filter`.",
        validation_alias=AliasChoices("run_ids", "ids"),
    )  # fmt: skip
    filter: RunFilterBody | None = Field(default=None, description="What the list is filtered by; or `run_ids`.")
    tag: str = Field(default="", max_length=names.LONGEST_TAG, description="The tag, for tag and untag.")

    @model_validator(mode="after")
    def _names_runs_once(self) -> Self:
        if (self.run_ids is None) == (self.filter is None):
            raise ValueError("give either run_ids or filter")
        return self


class RefusedRunAnswer(Answer):
    id: str = Field(description="The run's id.")
    message: str = Field(description="Why it was not done, and what to do about it.")


class BulkAnswer(Answer):
    done: list[str] = Field(description="Ids of those it was done with.")
    refused: list[RefusedRunAnswer] = Field(description="The others, and why.")
    undo: str | None = Field(description="Give it to POST /api/runs/undo/{id} to take it back; null: nothing to.")


class UndoAnswer(Answer):
    id: str = Field(description="Give it to POST /api/runs/undo/{id}.")
    project_id: str = Field(description="The project of the runs.")
    words: str = Field(description="What was done.")
    at: float = Field(description="When: seconds since 1970, UTC. It can be undone for 30 seconds.")


class UndoneAnswer(Answer):
    words: str = Field(description="What was undone.")
    run_ids: list[str] = Field(description="The runs that are as before; what was changed again since then is not.")


@router.post("/bulk", summary="Change many runs", response_model=BulkAnswer)
def change_runs(body: BulkBody) -> Any:
    """Stops, deletes, archives, tags or marks many runs: by ids, or all that a filter finds. What one refuses does not
    keep the others from it."""
    if body.filter is not None:
        return bulk.act_on_matching(body.action, body.filter.wanted(), body.tag)
    return bulk.act_on(body.action, body.run_ids or (), body.tag)


@router.get("/undo", summary="List what can be undone", response_model=list[UndoAnswer])
def list_undo(project_id: ProjectFilter = None) -> Any:
    """Names, tags, notes, archive and deletions of the last half minute, the newest first."""
    return changes.can_be_undone(project_id)


@router.post("/undo/{id}", summary="Undo a change of runs", response_model=UndoneAnswer, responses=NOT_FOUND | CONFLICT)
def undo_change(undo_id: PathId) -> Any:
    """Takes it back. 409 when its time is over, 404 when it was taken back already."""
    words, run_ids = changes.undo(undo_id)
    return UndoneAnswer(words=words, run_ids=run_ids)


@router.patch("/{id}", summary="Change a run", response_model=RunAnswer, responses=NOT_FOUND | CONFLICT)
def change_run(run_id: NamedId, body: ChangeRunBody, response: Response) -> Run:
    """Another name, tags, note, favourite, archive, or place in the queue. X-Undo-Id takes back the first five."""
    if body.priority is not None or body.after is not None:
        queue_changes.change(run_id, body.priority, body.after)
    run, undo_id = changes.change(run_id, changes.Change(**body.model_dump(exclude={"priority", "after"})))
    if undo_id:
        response.headers[UNDO_HEADER] = undo_id
    return run
