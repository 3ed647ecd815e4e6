"""Why a project cannot be deleted now: something in it moves or is served, or another project needs something of it."""

from typing import Any

from sqlmodel import Session, col, func, select

from engine.benchmarks import tuner
from engine.errors import ConflictError
from engine.runs import deleting
from storage import endpoints
from storage.statuses import RUN_MOVING, SERVING_KEPT, SWEEP_MOVING, WORK_MOVING, DatasetStatus
from storage.tables import (
    DEFAULT_PROJECT,
    AliasFollower,
    Benchmark,
    Dataset,
    Endpoint,
    Evaluation,
    Lesson,
    Project,
    RegisteredModel,
    Run,
    Sweep,
    Tuner,
    TuningJob,
)

PART = 250  # runs of one question
LESSON_OVER = ("ready", "failed")

# One and several of what moves, which rows those are, and what ends it.
_MOVING: tuple[tuple[str, str, Any, Any, str], ...] = (
    ("run", "runs", Run, col(Run.status).in_(RUN_MOVING), "Stop the run first."),
    ("sweep", "sweeps", Sweep, col(Sweep.status).in_(SWEEP_MOVING), "Stop the sweep first."),
    ("evaluation", "evaluations", Evaluation, col(Evaluation.status).in_(WORK_MOVING), "Stop the evaluation first."),
    ("benchmark", "benchmarks", Benchmark, col(Benchmark.status).in_(WORK_MOVING), "Stop the benchmark first."),
    ("tuning of an endpoint", "tunings of endpoints", Tuner, col(Tuner.stage) != tuner.OVER, "Stop it first."),
    ("import", "imports", Dataset, col(Dataset.status) == DatasetStatus.IMPORTING, "Stop the import first."),
    ("fine-tuning job", "fine-tuning jobs", TuningJob, col(TuningJob.stage) == "validating", "Cancel the job first."),
    ("lesson", "lessons", Lesson, col(Lesson.stage).not_in(LESSON_OVER), "Stop the lesson first."),
)


def refuse(session: Session, project: Project) -> None:
    """Raises ConflictError. What a person has to do first is said."""
    if project.id == DEFAULT_PROJECT:
        raise ConflictError("The default project cannot be deleted.", "New things go there when no other is chosen.")
    for one, several, table, moves, hint in _MOVING:
        query = select(func.count()).select_from(table).where(table.project_id == project.id, moves)
        if count := session.exec(query).one():
            words = f"{one} is" if count == 1 else f"{several} are"
            raise ConflictError(f"{count:,} {words} under way in the project `{project.name}`.", hint)
    for endpoint, _ in endpoints.kept(session, SERVING_KEPT):
        if endpoint.project_id == project.id:
            hint = "Stop the endpoint first."
            raise ConflictError(f"The endpoint `{endpoint.name}` of the project `{project.name}` is served.", hint)
    _refuse_used_elsewhere(session, project)


def _refuse_used_elsewhere(session: Session, project: Project) -> None:
    learning = select(Run.name, Dataset.name).join(Dataset, col(Dataset.id) == Run.dataset_id)
    elsewhere = (col(Dataset.project_id) == project.id, col(Run.project_id) != project.id)
    if pair := session.exec(learning.where(*elsewhere)).first():
        message = f"The run `{pair[0]}` of another project uses the dataset `{pair[1]}`."
        raise ConflictError(message, "Delete that run first.")
    following = select(Endpoint.name, RegisteredModel.name)
    following = following.join(AliasFollower, col(AliasFollower.endpoint_id) == Endpoint.id)
    following = following.join(RegisteredModel, col(RegisteredModel.id) == AliasFollower.registered_id)
    elsewhere = (col(RegisteredModel.project_id) == project.id, col(Endpoint.project_id) != project.id)
    if pair := session.exec(following.where(*elsewhere)).first():
        message = f"The endpoint `{pair[0]}` of another project follows the model `{pair[1]}`."
        raise ConflictError(message, "Have it follow nothing first.")


def refuse_runs(session: Session, project_id: str) -> None:
    """Raises ConflictError where a run of the project is needed elsewhere: kept as a version, served, exported.

    The models of the registry of the project itself have to be gone by then: they are no reason.
    """
    run_ids = session.exec(select(Run.id).where(Run.project_id == project_id)).all()
    for place in range(0, len(run_ids), PART):
        needed = deleting.need_a_look(session, run_ids[place : place + PART])
        for run_id in sorted(needed):
            deleting.refuse(session, session.get_one(Run, run_id))
