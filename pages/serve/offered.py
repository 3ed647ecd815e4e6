"""What the forms of the Serve page offer: models, what runs have trained, and the checkpoints that are kept."""

from engine.weights import checkpoints
from storage import db, home, models, runs
from storage.statuses import ModelStatus, RunStatus
from storage.tables import Run

MOST_RUNS = 200  # the newest; others are named by their id
MOST_WITH_CHECKPOINTS = 30  # runs, the newest, whose folders are looked into
Choice = tuple[str, str]


def ready_models() -> list[Choice]:
    """The models that can be served: (name, id)."""
    with db.reading() as session:
        return [(model.name, model.id) for model in models.recent(session) if model.status == ModelStatus.READY]


def trained(model_id: str | None) -> list[Choice]:
    """What the runs of a model have left, each followed by its checkpoints: (words, RUN or RUN@STEP), newest first.

    A run that was stopped or has failed has no result, but its checkpoints are as good as any.
    """
    with db.reading() as session:
        ended = runs.ended_of(session, model_id, MOST_RUNS) if model_id else ()
    return [choice for place, run in enumerate(ended) for choice in of_run(run, place < MOST_WITH_CHECKPOINTS)]


def of_run(run: Run, with_checkpoints: bool = True) -> list[Choice]:
    """A run's result, if it has left one, and its whole checkpoints, the newest first."""
    kept = reversed(checkpoints.in_order(home.run_folder(run.id))) if with_checkpoints else ()
    steps = [checkpoints.step_of(folder) for folder in kept if checkpoints.is_complete(folder)]
    result = [(run.name, run.id)] if run.artifact and run.status == RunStatus.SUCCEEDED else []
    return [*result, *((f"{run.name}, step {step:,}", f"{run.id}@{step}") for step in steps)]
