"""Runs over REST."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator, Field

from app.answers import archives
from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import LARGEST, After, Answer, Body, Name, NamedId, RowId
from app.api.train.recipes import ProblemAnswer, RecipeBody, problems
from engine.exports import exports
from engine.recipes import continuation
from engine.recipes.provenance import Source
from engine.recipes.recipe import Recipe
from engine.runs import checkpoint_deleting, curves, runs
from engine.runs.queue_place import LEAST_PRIORITY, MOST_PRIORITY, QueuePlace
from storage import db
from storage import runs as stored
from storage.statuses import RUN_MOVING, RunStatus
from storage.tables import DEFAULT_PROJECT, Run, RunFacts

router = APIRouter(prefix="/runs", tags=["runs"])


Priority = Annotated[int, Field(ge=LEAST_PRIORITY, le=MOST_PRIORITY)]
Facts = Annotated[dict[str, Any], BeforeValidator(RunFacts.to_json)]


class RunAnswer(Answer):
    id: str = Field(description="The run's id.")
    project_id: str = Field(description="The project it belongs to.")
    name: str = Field(description="What lists show.")
    model_id: str = Field(description="The base model it trains.")
    dataset_id: str = Field(description="The dataset it learns from.")
    recipe: dict[str, Any] = Field(description="The recipe, exactly as it was submitted, defaults included.")
    origins: dict[str, str] = Field(
        description="Where the values that are not the default came from: field to you, preset: NAME, model card, run: "
        "ID, recipe: NAME, file, method, dataset, probe, sweep or first lesson."
    )
    repeats: str | None = Field(description="The run whose recipe it began with, if it was one.")
    status: RunStatus = Field(
        description="queued, starting, running, stopping, succeeded, failed, stopped, or interrupted (can be resumed)."
    )
    step: int = Field(description="Optimiser steps done.")
    max_steps: int | None = Field(description="Steps there will be; null until the worker has counted its batches.")
    loss: float | None = Field(description="The newest training loss.")
    tokens_per_second: float | None = Field(description="Training speed.")
    eta_seconds: float | None = Field(description="Seconds until the end, estimated.")
    facts: Facts = Field(description="What the worker found: device, versions, trainable parameters, rows ...")
    artifact: str | None = Field(description="What it left, inside its folder; set when it was verified.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")
    device: str | None = Field(description="The device it holds.")
    sweep_id: str | None = Field(description="The sweep that it is a trial of, if it is one.")
    priority: int = Field(description="A greater one starts earlier: from -100 to 100, 0 unless it was changed.")
    after: str | None = Field(
        validation_alias="after_run_id", description="The run at whose end it starts; null: it waits for none."
    )
    attempt: int = Field(description="How often it was started, resumes included.")
    tags: list[str] = Field(description="Words to find it by.")
    note: str = Field(description="What a person wrote on it, Markdown.")
    favourite: bool = Field(description="Whether it is a favourite.")
    archived: bool = Field(description="Whether the Runs page hides it.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    started_at: float | None = Field(description="When its newest attempt began; null while it waits for its start.")
    ended_at: float | None = Field(description="When it came to its end.")
    seconds: float | None = Field(
        description="How long its processes ran, all attempts together; null before the first. Time in the queue is "
        "not counted."
    )


class RunBody(Body):
    name: Name = Field(description="What lists show.")
    recipe: Recipe = Field(
        description="Everything that decides the training. Models, datasets and runs by their ids or their names."
    )
    project_id: RowId = Field(default=DEFAULT_PROJECT, description="The project it will belong to.")
    origins: dict[str, str] = Field(
        default={}, description="Where values came from, as POST /api/recipes/presets/{name}/apply answers. For people."
    )
    repeats: RowId | None = Field(default=None, description="The run whose recipe this one began with.")
    priority: Priority = Field(default=0, description="A greater one starts earlier.")
    after: RowId | None = Field(default=None, description="The run at whose end it starts; null: it waits for none.")
    after_success: bool = Field(default=True, description="Whether that run must have succeeded.")


class MetricsAnswer(Answer):
    """Points of one metric."""

    name: str = Field(description="The metric.")
    points: list[tuple[int, float | None]] = Field(description="[step, value] pairs; NaN and infinity are null.")
    thinned: bool = Field(description="Whether points were left out. Ask for a shorter stretch to see them.")
    step: int = Field(description="Steps the run has done.")
    status: RunStatus = Field(description="The run's status.")
    ended: bool = Field(description="Whether the run has come to an end, so that a chart may ask less often.")


class EventsAnswer(Answer):
    events: list[dict[str, Any]] = Field(description="What the worker reported, each with `kind` and `at`.")
    after: int = Field(description="Where to continue: give it as `after` next time.")


class CheckpointAnswer(Answer):
    step: int = Field(description="The step it was saved at.")
    folder: str = Field(description="Its folder's name.")
    size_bytes: int = Field(description="Size of its files.")
    good: bool = Field(description="Whether every file is as it was written.")
    loss: float | None = Field(description="The training loss at that step, where it was logged.")
    eval_loss: float | None = Field(description="The loss on held-out rows at that step, where it was measured.")
    newest: bool = Field(description="Whether resume continues from it.")
    best: bool = Field(description="Whether it is the best by the recipe's measure, of those that were measured.")


IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Any text of the caller's. The same key again answers with the run there is, and starts nothing.",
    ),
]


@router.post("", status_code=201, summary="Start a run", response_model=RunAnswer, responses=NOT_FOUND | CONFLICT)
def start_run(body: RunBody, idempotency_key: IdempotencyKey = None) -> Run:
    """Queues a training. An impossible recipe is refused here, with the reason."""
    source = Source(body.origins, body.repeats)
    place = QueuePlace(body.priority, body.after, body.after_success)
    return runs.start_run(body.name, body.recipe, body.project_id, idempotency_key, source, place)


@router.post("/check", summary="Check a recipe", responses=NOT_FOUND)
def check_recipe(body: RecipeBody) -> list[ProblemAnswer]:
    """What speaks against a recipe, before anything starts. An empty list means that nothing does."""
    return problems(body.with_ids())


@router.get("/{id}", summary="Show a run", response_model=RunAnswer, responses=NOT_FOUND)
def show_run(run_id: NamedId) -> Run:
    """One run."""
    return runs.look_up(run_id)


@router.get("/{id}/metrics", summary="Points of a metric", response_model=MetricsAnswer, responses=NOT_FOUND)
def show_metrics(
    run_id: NamedId,
    name: Annotated[str, Query(min_length=1, max_length=200, description="The metric, such as loss.")] = "loss",
    since: Annotated[int, Query(ge=-1, le=LARGEST, description="Only points after this step.")] = -1,
    first: Annotated[int, Query(alias="from", ge=0, le=LARGEST, description="Only points from this step on.")] = 0,
    last: Annotated[int, Query(alias="to", ge=0, le=LARGEST, description="Only points up to this step.")] = LARGEST,
    max_points: Annotated[int, Query(ge=2, le=20_000, description="More points are thinned out to this many.")] = 4000,
) -> Response:
    """The curve of one metric. Long curves keep the least and the greatest value of each stretch."""
    run = runs.look_up(run_id)
    curve = curves.read(run_id, name, max(first, since + 1), last, max_points)
    answer = {
        "name": name,
        "points": curve.points,
        "thinned": curve.thinned,
        "step": run.step,
        "status": run.status.value,
        "ended": run.status not in RUN_MOVING,
    }
    return Response(orjson.dumps(answer), media_type="application/json")  # hot: skips two passes over the points


@router.get("/{id}/metrics/names", summary="Names of the metrics", responses=NOT_FOUND)
def list_metrics(run_id: NamedId) -> list[str]:
    """The metrics this run has points of."""
    runs.look_up(run_id)
    with db.reading() as session:
        return list(stored.metric_names(session, run_id))


@router.get("/{id}/events", summary="Events of a run", response_model=EventsAnswer, responses=NOT_FOUND)
def show_events(run_id: NamedId, after: After = 0) -> Response:
    """What the worker reported, in order, from a cursor on."""
    events, cursor = runs.events_after(run_id, after)
    return Response(orjson.dumps({"events": events, "after": cursor}), media_type="application/json")


@router.get("/{id}/checkpoints", summary="Checkpoints of a run", responses=NOT_FOUND)
def list_checkpoints(run_id: NamedId) -> list[CheckpointAnswer]:
    """The checkpoints there are: their losses, whether each can be resumed from, the newest and the best."""
    return [CheckpointAnswer.model_validate(checkpoint) for checkpoint in runs.checkpoints(run_id)]


@router.delete(
    "/{id}/checkpoints/{step}", status_code=204, summary="Delete a checkpoint", responses=NOT_FOUND | CONFLICT
)
def delete_checkpoint(
    run_id: NamedId, step: Annotated[int, Path(ge=0, le=LARGEST, description="The step it was saved at.")]
) -> None:
    """Deletes one checkpoint for good. Refused while the run moves, or an endpoint, export or evaluation uses it."""
    checkpoint_deleting.delete(run_id, step)


@router.get("/{id}/further", summary="A recipe that trains further", responses=NOT_FOUND | CONFLICT)
def show_further(run_id: NamedId) -> dict[str, Any]:
    """The fields of a recipe that begins with what this run left, for `POST /api/runs`. Change what shall differ."""
    return dict(continuation.recipe_for(runs.look_up(run_id)))


@router.get(
    "/{id}/download",
    summary="Download what a run has trained",
    response_class=StreamingResponse,
    responses=NOT_FOUND | CONFLICT | {200: {"description": "A tar archive.", "content": {"application/x-tar": {}}}},
)
def download_run(run_id: NamedId) -> Response:
    """The adapter, or the whole model of a run that trained every weight, as one tar archive with a model card."""
    return archives.download(exports.result_of(run_id))


@router.head("/{id}/download", include_in_schema=False)
def size_run(run_id: NamedId) -> Response:
    """Name and length of the archive alone."""
    return archives.download(exports.result_of(run_id), head=True)


@router.post("/{id}/stop", summary="Stop a run", response_model=RunAnswer, responses=NOT_FOUND | CONFLICT)
def stop_run(run_id: NamedId) -> Run:
    """Asks the run to save a checkpoint and end."""
    return runs.stop_run(run_id)


@router.post("/{id}/resume", summary="Resume a run", response_model=RunAnswer, responses=NOT_FOUND | CONFLICT)
def resume_run(run_id: NamedId) -> Run:
    """Goes on from the newest checkpoint that verifies."""
    return runs.resume_run(run_id)


@router.delete("/{id}", status_code=204, summary="Delete a run", responses=NOT_FOUND | CONFLICT)
def delete_run(run_id: NamedId, response: Response) -> None:
    """Deletes the run with its checkpoints, adapter and exports. Refused while it is running or being merged.

    For 30 seconds `POST /api/runs/undo/{id}` brings it back; the header X-Undo-Id says the id.
    """
    response.headers["X-Undo-Id"] = runs.delete_run(run_id)
