"""What came of sweeps over REST: the data of the charts, every trial as CSV, the study for Optuna."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, NamedId
from engine.sweeps import sweeps
from engine.sweeps.results import importance, plots, study_file
from engine.sweeps.results.trials_csv import trials_csv

router = APIRouter(prefix="/sweeps", tags=["sweeps"])


class PlotsAnswer(Answer):
    """What every chart of a sweep draws. Without `trials` nothing has changed since the version that was named."""

    version: str = Field(description="Changes with the answer. Name it with the next request.")
    moving: bool = Field(description="Whether more is to come.")
    points: str | None = Field(default=None, description="Changes with all of it but `importance`.")
    name: str | None = Field(default=None, description="What the sweep is called.")
    start: dict[str, Any] | None = Field(default=None, description="The recipe's own settings of the fields searched.")
    fields: list[dict[str, Any]] | None = Field(default=None, description="The fields as axes: ends, or choices.")
    objectives: list[dict[str, Any]] | None = Field(default=None, description="Metric, words, direction and unit.")
    trials: list[dict[str, Any]] | None = Field(default=None, description="Every trial with its settings and values.")
    front: list[int] | None = Field(default=None, description="Numbers of the trials that no other one beats.")
    importance: dict[str, Any] | None = Field(
        default=None, description="The share of each field in what sets the best apart, or why it is not known."
    )


class StudyAnswer(Answer):
    """How far the study file is."""

    state: study_file.State = Field(description="none, moving or ready.")


@router.get("/{id}/plots", summary="Data of a sweep's charts", response_model=PlotsAnswer, responses=NOT_FOUND)
def show_plots(
    sweep_id: NamedId,
    request: Request,
    version: Annotated[str, Query(max_length=64, description="What you have; nothing is sent while it holds.")] = "",
) -> Any:
    """All charts of a sweep from one answer. It reads copies, so asking for it never changes what a sweep does next."""
    picture = sweeps.picture(sweep_id)
    told = plots.plots(picture, importance.look(picture, may_ask=request.state.role != "viewer"))
    same = {"version": version, "moving": picture.is_moving}
    return same if told["version"] == version else told


@router.get(
    "/{id}/trials.csv",
    summary="Trials of a sweep as CSV",
    response_class=Response,
    responses=NOT_FOUND | {200: {"description": "A row a trial.", "content": {"text/csv": {}}}},
)
def download_trials(sweep_id: NamedId) -> Response:
    """Every trial, also those that were pruned, refused or failed, with why."""
    headers = {"Content-Disposition": f'attachment; filename="trials-{sweep_id}.csv"'}
    return Response(trials_csv(sweeps.picture(sweep_id)), headers=headers, media_type="text/csv; charset=utf-8")


@router.post("/{id}/study", summary="Make the study file of a sweep", response_model=StudyAnswer, responses=NOT_FOUND)
def make_study(sweep_id: NamedId) -> Any:
    """Has a file made that `optuna.load_study` opens. It takes some seconds; asking again says how far it is."""
    picture = sweeps.picture(sweep_id)
    study_file.make(picture)
    return {"state": study_file.state(picture)}


@router.get(
    "/{id}/study",
    summary="Study file of a sweep",
    response_class=FileResponse,
    responses=NOT_FOUND
    | CONFLICT
    | {200: {"description": "An SQLite file of Optuna's.", "content": {"application/vnd.sqlite3": {}}}},
)
def download_study(sweep_id: NamedId) -> FileResponse:
    """The file of the sweep as it stands now, once it was made. The study in it has the sweep's name."""
    picture = sweeps.picture(sweep_id)
    path = study_file.path(picture)
    return FileResponse(path, filename=f"study-{sweep_id}.db", media_type="application/vnd.sqlite3")
