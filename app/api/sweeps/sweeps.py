"""Sweeps over REST: started, looked at, stopped, taken up again, gone on with."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field, model_validator

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import LARGEST, Answer, Body, NamedId, Offset, ProjectFilter, RowId, total
from app.api import undo
from app.api.runs.runs import RunAnswer
from engine.sweeps import deleting, parsing, shown, sweeps
from engine.sweeps.spec import MOST_TRIALS, SweepSpec
from storage import db
from storage.statuses import SweepStatus
from storage.sweeps import sweeps as stored
from storage.tables import DEFAULT_PROJECT, Run

router = APIRouter(prefix="/sweeps", tags=["sweeps"])

Number = Annotated[int, Field(ge=0, lt=LARGEST)]


class SweepBody(SweepSpec):
    """A sweep as it is asked for, and the project it will belong to."""

    project_id: RowId = Field(default=DEFAULT_PROJECT, description="The project it will belong to.")

    @model_validator(mode="before")
    @classmethod
    def _in_words(cls, values: Any) -> Any:
        """What is wrong is said in a line for each field, as of a YAML."""
        if not isinstance(values, dict):
            return values
        rest = {name: value for name, value in values.items() if name != "project_id"}
        project = {"project_id": values["project_id"]} if "project_id" in values else {}
        return {**parsing.parse(rest).model_dump(), **project}

    def spec(self) -> SweepSpec:
        return SweepSpec.model_validate(self.model_dump(exclude={"project_id"}))


class SweepTrialAnswer(Answer):
    number: int = Field(description="Its number in the sweep, from 0.")
    run_id: str | None = Field(description="Its run; null before it has begun, and where it was refused.")
    state: str = Field(description="running, complete, pruned, refused or failed.")
    phase: str = Field(description="search, full (the best in full), repeat (another seed), or warm (from before).")
    of: int | None = Field(description="The trial that one in full, or with another seed, repeats.")
    value: float | None = Field(description="What the first objective came to.")
    values: list[float] | None = Field(description="One number for each objective.")
    interval: tuple[float, float] | None = Field(
        description="By taste: the 95 % interval of its score; null where nobody has compared it."
    )
    params: dict[str, Any] = Field(description="Its settings of the fields that are searched.")
    reason: str = Field(description="Why it was pruned, refused, or failed.")
    tokens: int | None = Field(description="Tokens it has learnt from.")
    started_at: float | None = Field(description="Seconds since 1970, UTC.")
    ended_at: float | None = Field(description="When it was over.")


class BestAnswer(Answer):
    number: int = Field(description="The number of the trial.")
    run_id: str | None = Field(description="Its run.")
    value: float | None = Field(description="What the first objective came to.")
    params: dict[str, Any] = Field(description="Its settings.")


class SweepAnswer(Answer):
    id: str = Field(description="The sweep's id.")
    project_id: str = Field(description="The project it belongs to.")
    name: str = Field(description="What lists show.")
    status: SweepStatus = Field(description="queued, running, stopping, succeeded, failed or stopped.")
    stage: str = Field(description="search; finish: the best in full and again; extra: what a person asked for.")
    goal: int | None = Field(description="Trials of the search there will be; null: time or tokens end it.")
    reason: str = Field(description="Why the search is over.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")
    side_by_side: int = Field(description="How many trials train at once: as asked for, and as the devices allow.")
    spec: dict[str, Any] = Field(description="The sweep as it was asked for, defaults included.")
    trials: list[SweepTrialAnswer] = Field(description="Every trial, by number.")
    best: BestAnswer | None = Field(description="The best so far; null before a trial has finished.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    ended_at: float | None = Field(description="When it was over.")


class MoreBody(Body):
    trials: int = Field(ge=1, le=MOST_TRIALS, description="How many further trials.")


class FullBody(Body):
    numbers: list[Number] = Field(min_length=1, max_length=100, description="Numbers of trials of the search.")


class LongerBody(Body):
    number: Number | None = Field(default=None, description="The trial; the best when left out.")
    max_steps: int | None = Field(default=None, ge=1, le=10_000_000, description="Optimiser steps of the new run.")
    epochs: float | None = Field(default=None, gt=0, le=10_000, description="Or how often it reads every row.")


class PickBody(Body):
    better: Number = Field(description="The trial whose answers are better.")
    worse: Number = Field(description="The other trial.")
    alike: bool = Field(default=False, description="Neither is better.")


@router.post("", status_code=201, summary="Start a sweep", responses=NOT_FOUND | CONFLICT)
def create_sweep(body: SweepBody) -> SweepAnswer:
    """Searches for better settings of a recipe; each trial is a run. 409 when the project has one of that name."""
    return _answer(sweeps.create(body.spec(), body.project_id).id)


@router.get("", summary="List sweeps")
def list_sweeps(
    response: Response,
    project_id: ProjectFilter = None,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=100, description="How many to answer with at most.")] = 20,
) -> list[SweepAnswer]:
    """The sweeps with their trials, the newest first. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, stored.count(session, project_id))
        listed = stored.recent(session, project_id, limit, offset)
    return [SweepAnswer.model_validate(described) for described in shown.described_all(listed)]


@router.get("/{id}", summary="Show a sweep", responses=NOT_FOUND)
def show_sweep(sweep_id: NamedId) -> SweepAnswer:
    """How far it is, every trial, and the best so far."""
    return _answer(sweep_id)


@router.get("/{id}/trials", summary="List trials of a sweep", responses=NOT_FOUND)
def list_trials(
    response: Response,
    sweep_id: NamedId,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many to answer with at most.")] = 100,
) -> list[SweepTrialAnswer]:
    """Some trials of a long sweep, by number. `X-Total-Count` says how many there are."""
    trials, count = shown.trials_page(sweep_id, limit, offset)
    total(response, count)
    return [SweepTrialAnswer.model_validate(trial) for trial in trials]


@router.post("/{id}/stop", summary="Stop a sweep", responses=NOT_FOUND | CONFLICT)
def stop_sweep(sweep_id: NamedId) -> SweepAnswer:
    """Ends it. Trials that train save a checkpoint first; `resume` continues them."""
    return _answer(sweeps.stop(sweep_id).id)


@router.post("/{id}/resume", summary="Resume a sweep", responses=NOT_FOUND | CONFLICT)
def resume_sweep(sweep_id: NamedId) -> SweepAnswer:
    """Continues a sweep that was stopped or has failed."""
    return _answer(sweeps.resume(sweep_id).id)


@router.post("/{id}/more", summary="Add trials", responses=NOT_FOUND | CONFLICT)
def add_trials(sweep_id: NamedId, body: MoreBody) -> SweepAnswer:
    """So many further trials. Of a sweep that is over, they alone decide when it ends: not time, tokens or patience."""
    return _answer(sweeps.more(sweep_id, body.trials).id)


@router.post("/{id}/rerun", summary="Try failed trials again", responses=NOT_FOUND | CONFLICT)
def rerun_failed(sweep_id: NamedId) -> SweepAnswer:
    """Tries the failed trials again, each with the settings it had, and nothing else."""
    return _answer(sweeps.rerun_failed(sweep_id).id)


@router.post("/{id}/full", summary="Train trials in full", responses=NOT_FOUND | CONFLICT)
def train_in_full(sweep_id: NamedId, body: FullBody) -> SweepAnswer:
    """Trains trials in full that a cheaper training or the pruner had made shorter."""
    return _answer(sweeps.train_in_full(sweep_id, body.numbers).id)


@router.post(
    "/{id}/train-on", status_code=201, summary="Train the best on", response_model=RunAnswer,
    responses=NOT_FOUND | CONFLICT,
)  # fmt: skip
def train_on(sweep_id: NamedId, body: LongerBody) -> Run:
    """Starts a run of its own that begins with the weights of a trial and trains for longer."""
    return sweeps.train_on(sweep_id, body.number, body.max_steps, body.epochs)


@router.post("/{id}/picks", status_code=204, summary="Say which trial is better", responses=NOT_FOUND | CONFLICT)
def pick_better(sweep_id: NamedId, body: PickBody) -> None:
    """Of a sweep by taste: the better of two trials' answers to the fixed prompts."""
    sweeps.pick(sweep_id, body.better, body.worse, body.alike)


@router.delete("/{id}", status_code=204, summary="Delete a sweep", responses=NOT_FOUND | CONFLICT)
def delete_sweep(sweep_id: NamedId, response: Response) -> None:
    """Forgets a sweep that is over. Its runs stay.

    For 30 seconds `POST /api/sweeps/undo/{id}` brings it back; the header X-Undo-Id says the id.
    """
    undo.offer(response, deleting.delete(sweep_id))


def _answer(sweep_id: str) -> SweepAnswer:
    return SweepAnswer.model_validate(shown.described(sweeps.look_up(sweep_id)))
