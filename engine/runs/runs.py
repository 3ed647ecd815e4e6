"""Runs: what a person does with them, and what is shown of them. `supervision` moves them on.

A run is queued by `start_run`; it ends `succeeded`, `failed`, `stopped` or `interrupted`, and the last three can be
resumed, which makes a new attempt in the same folder. Everything it leaves is in runs/ID until it is deleted.
"""

import math
import time
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from engine import names
from engine.errors import ConflictError, RefusedError
from engine.evaluate import judged_by
from engine.existing import existing
from engine.fit import kept_checkpoints
from engine.process import devices, events, process, queue
from engine.recipes import by_name, launch_command
from engine.recipes.provenance import NO_SOURCE, Source
from engine.recipes.recipe import Recipe, parse
from engine.runs import changes, supervision, trial_runs
from engine.runs.machine_use import expected
from engine.runs.queue_place import LAST, QueuePlace
from engine.train import check
from storage import db, home, runs
from storage.queued import followers
from storage.statuses import RUN_MOVING, RUN_RESUMABLE, RunStatus
from storage.tables import DEFAULT_PROJECT, Dataset, Model, Project, Run, RunFacts
from storage.transitions import move_run


def start_run(
    name: str,
    recipe: Recipe,
    project_id: str = DEFAULT_PROJECT,
    idempotency_key: str | None = None,
    source: Source = NO_SOURCE,
    place: QueuePlace = LAST,
) -> Run:
    """Queues a training. The same `idempotency_key` again gives the run there is and starts nothing.

    `source` says where the recipe's values came from, `place` how it stands in the queue. What the recipe calls by its
    name is kept by its id. Raises RefusedError for a recipe or a priority that cannot work, ConflictError when the disk
    is nearly full, NotFoundError.
    """
    with db.reading() as session:
        if existing_run := _by_key(session, idempotency_key):
            return existing_run
    recipe = by_name.with_ids(recipe)
    with db.reading() as session:
        model, dataset = existing(session, Model, recipe.model_id), existing(session, Dataset, recipe.dataset_id)
        existing(session, Project, project_id)
        if place.after:
            existing(session, Run, place.after)
    check.refuse(check.check(recipe, model, dataset))
    supervision.check_space()
    run = Run(
        name=names.checked(name, "run"),
        project_id=project_id,
        model_id=model.id,
        dataset_id=dataset.id,
        recipe=recipe.model_dump(),
        idempotency_key=idempotency_key,
        **place.columns(),
        sweep_id=source.trial_of,
        facts=source.facts().merged(_to_be_judged(dataset, recipe)).merged(expected(recipe, model, dataset)),
    )
    inserted = _insert(run)
    queue.ring(supervision.launch)
    return inserted


def _to_be_judged(dataset: Dataset, recipe: Recipe) -> RunFacts:
    """The measure that will decide whether it helped, named before it starts."""
    name = judged_by.measure(dataset, recipe.method)
    return RunFacts(judged_by=name) if name else RunFacts()


def _insert(run: Run) -> Run:
    """The row, or the one another call with the same key made in the same instant."""
    try:
        with db.session() as session:
            if existing_run := _by_key(session, run.idempotency_key):
                return existing_run
            run.hold = followers.hold_of(session, run.after_run_id, run.after_success)
            session.add(run)
    except IntegrityError:  # where writers do not wait for each other (PostgreSQL), the index decides
        with db.reading() as session:
            if existing_run := _by_key(session, run.idempotency_key):
                return existing_run
        raise
    return run


def _by_key(session: Session, key: str | None) -> Run | None:
    return runs.by_idempotency_key(session, key) if key else None


def stop_run(run_id: str) -> Run:
    """Asks a run to save a checkpoint and end; one that waits in the queue ends at once. Asking twice is no error.

    Raises NotFoundError; ConflictError when it has ended already.
    """
    with db.session() as session:
        run = existing(session, Run, run_id)
        if run.status not in RUN_MOVING:
            raise ConflictError(f"The run `{run.name}` has ended already ({run.status.value}).")
        if run.status == RunStatus.QUEUED:
            move_run(session, run, RunStatus.QUEUED, RunStatus.STOPPED, "stopped in the queue", ended_at=time.time())
        elif run.status != RunStatus.STOPPING:
            move_run(session, run, run.status, RunStatus.STOPPING, "stop was pressed")
        session.refresh(run)
    if run.status == RunStatus.STOPPING:
        process.request_stop(home.run_folder(run.id))
    return run


def resume_run(run_id: str) -> Run:
    """Puts a run that ended early back into the queue; it goes on from the newest checkpoint that verifies.

    Of a trial, its sweep takes it back. Raises NotFoundError; ConflictError when it moves, when it has succeeded, when
    it is a trial that was pruned, or when the disk is nearly full.
    """
    supervision.check_space()
    with db.session() as session:
        run = existing(session, Run, run_id)
        if run.status not in RUN_RESUMABLE:
            hint = "Only a run that was stopped, interrupted or failed can be resumed."
            raise ConflictError(f"The run `{run.name}` is {run.status.value}.", hint)
        trial_runs.take_back(session, run)
        supervision.requeue(session, run, "resumed")
        session.refresh(run)
    queue.ring(supervision.launch)
    return run


def delete_run(run_id: str) -> str:
    """Hides a run with its exports and reports; its folder goes after half a minute. Returns the id to undo it by.

    Raises NotFoundError; ConflictError while it moves, is served, is being merged, or a version holds it.
    """
    return changes.delete(run_id)


def rename_run(run_id: str, name: str) -> Run:
    """Gives a run another name. Raises NotFoundError, RefusedError."""
    return changes.change(run_id, changes.Change(name=name))[0]


def look_up(run_id: str) -> Run:
    """The run. Raises NotFoundError."""
    with db.reading() as session:
        return existing(session, Run, run_id)


def preview(recipe: Recipe) -> str:
    """The exact command a run of this recipe starts, with RUN for its folder."""
    device = ",".join(devices.on_this_machine()[: launch_command.devices_wanted(recipe)])
    return launch_command.plan_training(recipe, {}, Path("RUN"), device).shell_line()


def events_after(run_id: str, after: int = 0) -> tuple[list[dict[str, Any]], int]:
    """What the worker reported after byte `after`, and where to go on. Raises NotFoundError."""
    look_up(run_id)
    new_events, end = events.read(home.run_folder(run_id), after)
    return [_plain(event.model_dump(mode="json")) for event in new_events], end


def _plain(value: Any) -> Any:
    """JSON has no words for what is no number; null says it."""
    match value:
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case float() if not math.isfinite(value):
            return None
    return value


def checkpoints(run_id: str) -> list[dict[str, Any]]:
    """Each checkpoint's step, folder, size_bytes, losses, and whether it is whole (`good`), newest or best."""
    run = look_up(run_id)
    try:
        compared_by = kept_checkpoints.deciding_metric(parse(run.recipe))
    except RefusedError:  # written by a later studio
        compared_by = ("eval_loss", False)
    return kept_checkpoints.listed(home.run_folder(run_id), compared_by)
