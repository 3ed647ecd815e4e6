"""Moves jobs on: starts them when their files are read, and does what was asked of them. Called every second.

Nobody else changes a job's stage, so two of its steps never meet; a step that a kill cut off is done again. The run is
found again by the job's id, which is its idempotency key, and the dataset of both files by the job it names.
"""

import time
from typing import Any

from engine.errors import TunesmithError
from engine.finetuning import checks, joined, recipes, statuses
from engine.finetuning.wrong import ParameterError
from engine.process import rounds
from engine.recipes.provenance import Source
from engine.runs import runs
from storage import datasets as stored_datasets
from storage import db, models
from storage import runs as stored_runs
from storage.openai import jobs as stored
from storage.statuses import RUN_MOVING, RUN_RESUMABLE, DatasetStatus, RunStatus
from storage.tables import Dataset, Run, TuningJob


def tick() -> None:
    """One round over the jobs that wait, or of which something was asked."""
    rounds.each("fine-tuning", TuningJob, stored.to_move, _move)


def _move(job: TuningJob) -> None:
    if job.stage == "validating":
        _validate(job)
    else:
        _obey(job)


def _validate(job: TuningJob) -> None:
    match job.asked:
        case "cancel":
            _cancel(job)
        case "pause":
            _change(job, asked="paused")
        case "resume":
            _change(job, asked="")
        case "":
            try:
                _start_when_ready(job)
            except ParameterError as error:
                _fail(job, error.code, str(error), error.param)
            except TunesmithError as error:
                _fail(job, "cannot_start", str(error), None)


def _start_when_ready(job: TuningJob) -> None:
    """Raises ParameterError for files that cannot be used, TunesmithError for what else does not allow it."""
    if (dataset := _ready_dataset(job)) is None:
        return
    with db.reading() as session:
        earlier = stored_runs.get(session, job.start_from) if job.start_from else None
        model = models.get(session, job.model_id)
    if model is None or (job.start_from and earlier is None):
        raise ParameterError(f"The model `{job.model:.80}` was deleted.", "model", "model_not_found")
    recipe = recipes.recipe_for(job, dataset.id, earlier)
    checks.refuse(job, recipe, model, dataset)
    source = Source(recipes.origins(job, recipe, earlier))
    run = runs.start_run(job.model_name, recipe, job.project_id, idempotency_key=job.id, source=source)
    _change(job, stage="started", run_id=run.id)


def _ready_dataset(job: TuningJob) -> Dataset | None:
    """What the job learns from; None while it is not read yet. Raises ParameterError."""
    training = _of_file(job.dataset_id, job, "training_file")
    validation = None
    if job.validation_dataset_id is not None:
        validation = _of_file(job.validation_dataset_id, job, "validation_file")
    if training.status == DatasetStatus.IMPORTING:
        return None
    checks.refuse_file(job, training, "training_file")
    if validation is None:
        return training
    if validation.status == DatasetStatus.IMPORTING:
        return None
    checks.refuse_file(job, validation, "validation_file")
    checks.refuse_pair(training, validation)
    both = joined.dataset(job, training, validation)
    if job.joined_dataset_id != both.id:
        _change(job, joined_dataset_id=both.id)
    if both.status == DatasetStatus.IMPORTING:
        return None
    checks.refuse_file(job, both, "validation_file")
    return both


def _of_file(dataset_id: str, job: TuningJob, param: str) -> Dataset:
    with db.reading() as session:
        dataset = stored_datasets.get(session, dataset_id)
    if dataset is None:
        raise ParameterError(f"The file `{getattr(job, param)}` was deleted.", param, "file_not_found")
    return dataset


def _cancel(job: TuningJob) -> None:
    """A run that was begun just before the studio was killed is stopped too."""
    with db.reading() as session:
        run = stored_runs.by_idempotency_key(session, job.id)
    if run is not None and run.status in RUN_MOVING:
        runs.stop_run(run.id)
    _change(job, stage="cancelled", asked="", ended_at=time.time(), run_id=run.id if run is not None else None)


def _obey(job: TuningJob) -> None:
    """What was asked of a job whose run is there."""
    with db.reading() as session:
        run = stored_runs.get(session, job.run_id or "")
    if run is None:
        _change(job, asked="")
        return
    match job.asked:
        case "cancel" | "pause":
            _hold(job, run)
        case "paused" if run.status in RUN_MOVING:  # somebody has resumed it on the Runs page
            _change(job, asked="")
        case "resume":
            _go_on(job, run)


def _hold(job: TuningJob, run: Run) -> None:
    if run.status in RUN_MOVING:
        if run.status != RunStatus.STOPPING:
            runs.stop_run(run.id)
        return
    if run.status == RunStatus.INTERRUPTED and not statuses.is_given_up(run):
        return  # it is about to be taken up again by itself
    if job.asked == "cancel":
        _change(job, stage="cancelled", asked="", ended_at=time.time())
    else:
        _change(job, asked="" if run.status in (RunStatus.SUCCEEDED, RunStatus.FAILED) else "paused")


def _go_on(job: TuningJob, run: Run) -> None:
    if run.status == RunStatus.STOPPING:
        return
    if run.status in RUN_RESUMABLE:
        try:
            runs.resume_run(run.id)
        except TunesmithError:  # no room on the disk: it rests on, and may be asked again
            _change(job, asked="paused")
            raise
    _change(job, asked="")


def _fail(job: TuningJob, code: str, message: str, param: str | None) -> None:
    _change(job, stage="failed", error={"code": code, "message": message, "param": param}, ended_at=time.time())


def _change(job: TuningJob, **changes: Any) -> None:
    """Compare-and-set: what was asked in this very moment is not lost."""
    with db.session() as session:
        fresh = session.get(TuningJob, job.id, with_for_update=True)
        if fresh is None or fresh.stage != job.stage:
            return
        if fresh.asked != job.asked:
            changes.pop("asked", None)
        fresh.sqlmodel_update(changes)
