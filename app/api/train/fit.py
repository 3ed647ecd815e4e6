"""What a training will take, over REST: an estimate at once, and a probe that measures real steps."""

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, PathId
from app.api.train.recipes import RecipeBody
from app.api.train.spending import SpendingAnswer
from engine.accounts import prices
from engine.data import datasets
from engine.errors import NotFoundError
from engine.fit import past_probes
from engine.fit import speed as fit_speed
from engine.fit.measurement import Measured
from engine.models import models
from engine.process import work
from engine.recipes import steps
from engine.train import forecast, held_out, spending
from engine.train import probe as fit_probe
from storage.statuses import WorkStatus
from storage.tables import Work

router = APIRouter(prefix="/recipes", tags=["runs"])

Source = Literal["measured", "estimate"]


class EstimateAnswer(Answer):
    memory_bytes: int = Field(description="The most memory the training takes: of the machine, or of the GPU.")
    memory_available_bytes: int = Field(description="How much it can count on here.")
    memory_source: Source = Field(description="measured by a probe of this recipe, or an estimate.")
    memory_estimated_bytes: int = Field(description="The estimate, also where it was measured.")
    seconds: float | None = Field(description="From the start to the saved result; null before the machine is timed.")
    seconds_source: Source = Field(description="measured by a probe of this recipe, or an estimate.")
    seconds_basis: str = Field(description="What the time was calculated from.")
    tokens_per_second: float | None = Field(description="Training speed; null before the machine is timed.")
    disk_bytes: int = Field(description="The most disk the run takes: checkpoints, result and rows.")
    disk_free_bytes: int = Field(description="How much is free.")
    disk_source: Source = Field(description="Always an estimate.")
    spending: SpendingAnswer = Field(description="Energy and cost, at the prices of the dataset's project.")
    steps: int | None = Field(description="Optimiser steps; null until packed rows are counted.")
    eval_rows: int = Field(description="About how many rows are held out for the evaluation loss.")
    test_rows: int = Field(description="About how many rows are held out for a report on the result.")
    held_out: str = Field(description="What is held out, in a line.")


class ProbeAnswer(Answer):
    id: str = Field(description="The probe's id, to ask for its state.")
    status: WorkStatus = Field(description="queued, running, succeeded, failed or stopped.")
    progress: float | None = Field(description="How far it is, 0 to 1; null when unknown.")
    stage: str = Field(description="What is going on, in a few words.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")
    result: Measured | None = Field(description="What it found; null until it has succeeded.")


@router.post("/estimate", summary="Estimate a training", responses=NOT_FOUND)
def estimate_recipe(body: RecipeBody) -> EstimateAnswer:
    """What a training that has not started will take and cost; measured numbers where a probe has found them.

    The first estimate on a machine begins to time it, for a few seconds; `seconds` is null until then.
    """
    recipe = body.with_ids()
    dataset = datasets.look_up(recipe.dataset_id)
    prediction = forecast.of(recipe, models.look_up(recipe.model_id), dataset)
    rows_held_out = steps.held_out(recipe, dataset.train_rows)
    if prediction.time.seconds is None:
        fit_speed.measure_once(recipe)
    return EstimateAnswer(
        memory_bytes=prediction.memory.needed,
        memory_available_bytes=prediction.memory.available,
        memory_source=prediction.memory.source,
        memory_estimated_bytes=prediction.memory.estimated,
        seconds=prediction.time.seconds,
        seconds_source=prediction.time.source,
        seconds_basis=prediction.time.basis,
        tokens_per_second=prediction.time.tokens_per_second,
        disk_bytes=prediction.disk.total,
        disk_free_bytes=prediction.disk_free,
        disk_source="estimate",
        spending=SpendingAnswer.of(spending.of(recipe, prices.of_project(dataset.project_id), prediction.time.seconds)),
        steps=prediction.steps,
        eval_rows=rows_held_out.eval,
        test_rows=rows_held_out.test,
        held_out=held_out.describe(recipe, dataset),
    )


@router.post("/probe", status_code=202, summary="Measure a training", responses=NOT_FOUND | CONFLICT)
def probe_recipe(body: RecipeBody) -> ProbeAnswer:
    """Begins two real steps with the longest rows, and a few at other batch sizes; takes a minute or two.

    Holds a device meanwhile, so 409 while a training has it. What was measured already is answered at once.
    """
    return _answer(fit_probe.start(body.with_ids()))


@router.get("/probe/{id}", summary="Show a measurement", responses=NOT_FOUND)
def show_probe(probe_id: PathId) -> ProbeAnswer:
    """How far a probe is, and what it found: memory, speed, the largest batch that fits, and a suggestion."""
    return _answer(_probe(probe_id))


@router.post("/probe/{id}/stop", summary="Stop a measurement", responses=NOT_FOUND)
def stop_probe(probe_id: PathId) -> ProbeAnswer:
    """Ends a probe and keeps nothing of it. One that is over stays as it is."""
    return _answer(work.stop(_probe(probe_id).id))


def _probe(probe_id: str) -> Work:
    probe_work = work.look_up(probe_id)
    if probe_work.kind != past_probes.KIND:
        raise NotFoundError(f"There is no probe `{probe_id}`.", "POST /api/recipes/probe begins one.")
    return probe_work


def _answer(probe_work: Work) -> ProbeAnswer:
    state = {name: getattr(probe_work, name) for name in ("id", "status", "progress", "stage", "error", "hint")}
    succeeded = probe_work.status == WorkStatus.SUCCEEDED
    return ProbeAnswer(**state, result=Measured.model_validate(probe_work.result) if succeeded else None)
