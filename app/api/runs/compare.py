"""Runs beside each other over REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import Answer, RowId
from engine.runs import comparing

router = APIRouter(prefix="/runs", tags=["runs"])


class RunInShortAnswer(Answer):
    id: str = Field(description="The run's id.")
    name: str = Field(description="Its name.")
    status: str = Field(description="queued, running, succeeded ... as of a run.")
    step: int = Field(description="Optimiser steps done.")
    max_steps: int | None = Field(description="Steps there will be.")
    model: str = Field(description="Name of the base model.")
    dataset: str = Field(description="Name of the dataset.")
    dataset_version: int | None = Field(description="Which version of it; null once it is deleted.")
    rows: int | None = Field(description="Rows it learns from; null until its worker has counted them.")
    seconds: float | None = Field(description="How long its processes ran, all attempts; null before the first.")
    tokens_per_second: float | None = Field(description="Training speed.")
    memory_bytes: float | None = Field(description="The most it took: of its fullest card, or of its processes.")
    energy_wh: float | None = Field(description="Energy in Wh; null where no power could be read.")
    device: str | None = Field(description="Where it trains or has trained.")


class DifferingAnswer(Answer):
    field: str = Field(description="A field of the recipe that is not the same in all runs.")
    values: dict[str, Any] = Field(description="Run id to value.")


class CameAnswer(Answer):
    last: float | None = Field(description="The last value; null for NaN and infinity.")
    last_step: int = Field(description="The step of the last value.")
    best: float | None = Field(description="The best value; null where no direction is better (learning rate).")
    best_step: int | None = Field(description="The first step with the best value.")


class RunsComparedAnswer(Answer):
    """Runs in the order they were named."""

    runs: list[RunInShortAnswer] = Field(description="What each run is.")
    recipe: list[DifferingAnswer] = Field(description="What differs in their recipes, in the recipe's order.")
    metrics: dict[str, dict[str, CameAnswer]] = Field(description="Metric to run id to what came out.")


@router.get("/compare", summary="Compare runs", responses=NOT_FOUND)
def compare_runs(
    run: Annotated[list[RowId], Query(description="Id of a run, 2 to 20 times.", max_length=100)],
) -> RunsComparedAnswer:
    """What differs in the recipes and data of two to twenty runs, and what came out."""
    return RunsComparedAnswer.model_validate(comparing.as_json(comparing.compare(run)))
