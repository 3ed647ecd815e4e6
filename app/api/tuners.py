"""Tuners over REST: options of an endpoint tried under a load, and the best put to use."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, Limit, Offset, PathId, ProjectFilter, RowId, total
from app.api.endpoints import EndpointAnswer
from engine.benchmarks import tuner
from engine.benchmarks.load import Load
from engine.benchmarks.tuner_plan import TunerWanted
from engine.serve import endpoints
from storage import benchmarks as stored
from storage import db
from storage.statuses import WorkStatus

router = APIRouter(prefix="/tuners", tags=["endpoints"])

Values = Annotated[list[int | float | str | bool], Field(min_length=1, max_length=24)]


class TunerBody(Body):
    endpoint_id: RowId
    load: Load = Field(
        default=Load(concurrency=(16,)), description="One load, as of a benchmark; with an objective it is tuned for."
    )
    options: dict[str, Values] = Field(
        default={},
        max_length=8,
        description="Values to try, such as {max_num_seqs: [16, 64]}: every combination. Usual ones when left out.",
    )
    in_place: bool | None = Field(
        default=None,
        description="True: the endpoint rests meanwhile. False: variants run beside it. By the memory when left out.",
    )


class VariantAnswer(Answer):
    options: dict[str, Any] = Field(description="The backend's options; the first are those of now.")
    status: str = Field(description="waiting, starting, measuring, succeeded, failed or stopped.")
    benchmark_id: str | None = Field(description="Its benchmark.")
    score: float | None = Field(description="Goodput where the load has an objective, else output tokens a second.")
    ratio: float | None = Field(description="The score, to that of the options of now.")
    numbers: dict[str, Any] = Field(description="The numbers that were compared.")
    error: str | None = Field(description="Why it could not be measured.")


class TunerAnswer(Answer):
    id: str = Field(description="The tuner's id.")
    project_id: str = Field(description="The project it belongs to.")
    endpoint_id: str = Field(description="The endpoint whose options are tried.")
    endpoint_name: str = Field(description="Its name.")
    status: WorkStatus = Field(description="running, succeeded, failed or stopped.")
    stage: str = Field(
        description="starting, waiting, measuring, ending, returning, or over: everything is cleaned up."
    )
    progress: float = Field(description="How far it is, 0 to 1.")
    in_place: bool = Field(description="Whether the endpoint rests meanwhile.")
    load: dict[str, Any] = Field(description="The load, with every default.")
    variants: list[VariantAnswer] = Field(description="What is tried, in order.")
    best: int | None = Field(description="The place of the best, from 0; null before the end. 0 is as it is now.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    ended_at: float | None = Field(description="When it was over.")
    applied_at: float | None = Field(description="When the best was put to use.")


@router.post("", status_code=201, summary="Tune an endpoint", responses=NOT_FOUND | CONFLICT)
def create_tuner(body: TunerBody) -> TunerAnswer:
    """Begins to try the options. 409 while another tuner is under way."""
    return _answer(tuner.create(TunerWanted(body.endpoint_id, body.load, body.options, body.in_place)))


@router.get("", summary="List tuners")
def list_tuners(
    response: Response, project_id: ProjectFilter = None, offset: Offset = 0, limit: Limit = 100
) -> list[TunerAnswer]:
    """The tuners, newest first. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, stored.count_tuners(session, project_id))
        listed = stored.tuners(session, project_id, limit, offset)
    return [_answer(row) for row in listed]


@router.get("/{id}", summary="Show a tuner", responses=NOT_FOUND)
def show_tuner(tuner_id: PathId) -> TunerAnswer:
    """How far it is, and what each variant gave."""
    return _answer(tuner.look_up(tuner_id))


@router.post("/{id}/stop", summary="Stop a tuner", responses=NOT_FOUND)
def stop_tuner(tuner_id: PathId) -> TunerAnswer:
    """Ends it. What it has started is put away within seconds; `stage` is then `over`."""
    return _answer(tuner.stop(tuner_id))


@router.post("/{id}/apply", summary="Use the best options", responses=NOT_FOUND | CONFLICT)
def apply_tuner(tuner_id: PathId) -> EndpointAnswer:
    """Deploys the best options to the endpoint, beside what answers now, and switches over when they answer."""
    deployed = tuner.apply(tuner_id)
    return EndpointAnswer.model_validate(endpoints.describe(endpoints.look_up(deployed.endpoint_id)))


@router.delete("/{id}", status_code=204, summary="Delete a tuner", responses=NOT_FOUND | CONFLICT)
def delete_tuner(tuner_id: PathId) -> None:
    """Forgets it. Its benchmarks stay."""
    tuner.delete(tuner_id)


def _answer(row: Any) -> TunerAnswer:
    return TunerAnswer.model_validate(tuner.describe(row))
