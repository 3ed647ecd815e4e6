"""Jobs of /v1/fine_tuning/jobs: what is asked of them. `engine.finetuning.moving` does it, a second later at most.

    validating -> started | failed | cancelled

A job that has started is where its run is (`engine.finetuning.statuses`). Only `moving` changes the stage; what a
client asks for is written down in `asked`, so that a kill between two steps loses nothing.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from engine.errors import RefusedError
from engine.finetuning import files, names, recipes, statuses
from engine.finetuning.asked import Asked
from engine.finetuning.wrong import ParameterError
from engine.recipes import provenance
from storage import db, models, runs
from storage.openai import jobs as stored
from storage.statuses import ModelStatus, RunStatus
from storage.tables import DEFAULT_PROJECT, Model, Run, TuningJob

MODELS_HINT = "Name a base model of the Models page by its id or name, or what an earlier job has trained."


class Known(NamedTuple):
    """A job, and its run as far as there is one."""

    job: TuningJob
    run: Run | None

    @property
    def status(self) -> str:
        return statuses.status(self.job, self.run)


def create(asked: Asked, idempotency_key: str | None = None) -> Known:
    """A new job, which waits for its files. The same key again gives the job there is. Raises ParameterError."""
    with db.reading() as session:
        before = stored.by_key(session, idempotency_key) if idempotency_key else None
    if before is not None:
        return look_up(before.id)
    model, earlier = _base(asked.model)
    job = TuningJob(
        project_id=DEFAULT_PROJECT,
        model=asked.model,
        model_id=model.id,
        start_from=earlier.id if earlier is not None else "",
        model_name="",
        training_file=asked.training_file,
        validation_file=asked.validation_file,
        dataset_id=files.for_training(asked.training_file, "training_file").id,
        method=asked.method_name,
        hyperparameters=asked.chosen,
        suffix=asked.suffix,
        seed=provenance.default("seed") if asked.seed is None else asked.seed,
        labels=asked.metadata or {},
        idempotency_key=idempotency_key,
    )
    if asked.validation_file is not None:
        job.validation_dataset_id = files.for_training(asked.validation_file, "validation_file").id
    job.model_name = names.result(model.name, asked.suffix, job.id)
    try:
        _refuse_impossible(job, earlier)
    except ParameterError as error:
        error.param = asked.as_written(error.param) if error.param else None
        raise
    return _insert(job)


def _insert(job: TuningJob) -> Known:
    """The row, or the one that another call with the same key made in the same instant."""
    try:
        with db.session() as session:
            session.add(job)
    except IntegrityError:
        with db.reading() as session:
            other = stored.by_key(session, job.idempotency_key) if job.idempotency_key else None
        if other is None:
            raise
        return look_up(other.id)
    return Known(job, None)


def _refuse_impossible(job: TuningJob, earlier: Run | None) -> None:
    try:
        recipes.recipe_for(job, job.dataset_id, earlier)
    except RefusedError as error:
        fields = [field for field in recipes.PARAMETERS if f"`{field}`" in error.hint]
        param = recipes.parameter(job, fields[0]) if fields else "hyperparameters"
        raise ParameterError(str(error), param) from error


def _base(named: str) -> tuple[Model, Run | None]:
    """The base model that a job names, and the run it goes on from if it names what a job has trained."""
    with db.reading() as session:
        job = stored.by_model_name(session, named)
        run = runs.get(session, job.run_id) if job is not None and job.run_id else None
        model = models.get(session, run.model_id) if run is not None else _model(session, named)
    if job is not None and (run is None or run.status != RunStatus.SUCCEEDED or not run.artifact):
        text = f"`model` is `{named:.80}`, and the job `{job.id}` has not left it. {MODELS_HINT}"
        raise ParameterError(text, "model", "model_not_found")
    if model is None:
        text = f"`model` is `{named:.80}`, and there is no such base model. {MODELS_HINT}"
        raise ParameterError(text, "model", "model_not_found")
    if model.status != ModelStatus.READY:
        word = "could not be fetched" if model.status == ModelStatus.FAILED else "is still being fetched"
        raise ParameterError(f"The model `{model.name}` {word}.", "model", "model_not_ready")
    return model, run


def _model(session: Session, named: str) -> Model | None:
    """By its id, else the newest of its name or source; one that is ready before others."""
    if (row := models.get(session, named)) is not None:
        return row
    called_so = [model for model in models.recent(session) if named in (model.name, model.source_id)]
    return next((model for model in called_so if model.status == ModelStatus.READY), next(iter(called_so), None))


def look_up(job_id: str) -> Known:
    """Raises ParameterError (404)."""
    with db.reading() as session:
        job = stored.get(session, job_id)
        run = runs.get(session, job.run_id) if job is not None and job.run_id else None
    if job is None:
        raise ParameterError(f"There is no fine-tuning job `{job_id:.80}`.", "fine_tuning_job_id", "not_found", 404)
    return Known(job, run)


def listed(limit: int, after: str | None, labels: Mapping[str, str] | None = None) -> Sequence[Known]:
    """Jobs, the newest first. Raises ParameterError for an `after` that is none."""
    with db.reading() as session:
        last = stored.get(session, after) if after else None
        if after and last is None:
            raise ParameterError(f"`after` is `{after:.80}`, and there is no such job.", "after")
        rows = stored.listed(session, limit, last, labels)
        by_id = stored.runs_of(session, rows)
    return [Known(job, by_id.get(job.run_id or "")) for job in rows]


def cancel(job_id: str) -> Known:
    """Ends a job for good; what its run has saved stays in the studio. Raises ParameterError when it has ended."""
    return _ask(job_id, "cancel", ("validating_files", "queued", "running", "paused"))


def pause(job_id: str) -> Known:
    """Has a job save a checkpoint and rest. Raises ParameterError when it has ended, or rests."""
    return _ask(job_id, "pause", ("validating_files", "queued", "running"))


def resume(job_id: str) -> Known:
    """Goes on with a job that was paused. Raises ParameterError for any other."""
    return _ask(job_id, "resume", ("paused",))


def _ask(job_id: str, word: str, fitting: tuple[str, ...]) -> Known:
    known = look_up(job_id)
    with db.session() as session:
        job = session.get_one(TuningJob, job_id, with_for_update=True)
        run = runs.get(session, job.run_id) if job.run_id else None
        current = statuses.status(job, run)
        if current not in fitting:
            text = f"The job `{job_id}` is {current}: only one that is {' or '.join(fitting)} can be asked to {word}."
            raise ParameterError(text, "fine_tuning_job_id", "wrong_status")
        job.asked = word
    return Known(job, known.run)
