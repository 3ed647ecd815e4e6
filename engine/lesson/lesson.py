"""The first lesson of a project: fetching -> importing -> training -> serving -> ready | failed.

The starter model learns to add. One button starts it; `tick` moves it on, one stage at a time, by looking at the model,
dataset, run and endpoint it made, so it survives restarts. What a person deleted meanwhile is not made again: the
lesson fails, says so, and may be started anew.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from engine.data import datasets
from engine.errors import ConflictError, NotFoundError, TunesmithError
from engine.evaluate import reports
from engine.existing import existing
from engine.lesson import addition_rows
from engine.models import models
from engine.process import news, rounds
from engine.recipes import provenance
from engine.recipes.provenance import Source
from engine.recipes.recipe import Recipe
from engine.runs import runs
from engine.serve import endpoints
from storage import datasets as stored_datasets
from storage import db, home
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Lesson, Project, Run

Changes = Mapping[str, Any]

NAME = "First lesson"
DATASET_NAME = "Sums below twenty"
REPORT_NAME = "Sums never taught"  # what the report on the lesson's run asks
STEPS, ROWS_A_STEP = 38, 6  # each chat a little more than once
STOPPED = "You stopped it."
WAITED_SECONDS = 60  # for an interrupted run to be taken up again


def recipe(model_id: str, dataset_id: str) -> Recipe:
    """Short steps over chats of two questions, each seen a little more than once."""
    return Recipe(
        model_id=model_id,
        dataset_id=dataset_id,
        max_steps=STEPS,
        learning_rate=1e-3,
        per_device_train_batch_size=ROWS_A_STEP,
        max_length=128,
        lora_r=16,
        lora_alpha=32,
        train_sampling_strategy="random",
        lr_scheduler_type="linear",
        warmup_steps=2,
        eval_fraction=0.0,  # it has questions of its own
    )


def start_lesson(project_id: str = "default") -> Lesson:
    """Starts the lesson, or starts it anew after a failure; while it is on its way or done, changes nothing.

    A trained run is used again, and one whose endpoint was stopped is served again. Raises NotFoundError.
    """
    with db.session() as session:
        existing(session, Project, project_id)
        lesson = session.get(Lesson, project_id)
        if lesson is None:
            lesson = Lesson(project_id=project_id)
        elif lesson.stage == "failed" or (lesson.stage == "ready" and not _served(lesson)):
            _begin_again(session, lesson)
        session.add(lesson)
    return lesson


def stop_lesson(project_id: str = "default") -> Lesson:
    """Ends a lesson that is on its way, and what it does now; what it has made stays, and it can be started again.

    Raises NotFoundError where there is none, ConflictError where it is not on its way.
    """
    lesson = state(project_id)
    if lesson is None:
        raise NotFoundError("The lesson was not started in this project.", "Start it on the Home page.")
    if lesson.stage in ("ready", "failed"):
        raise ConflictError(f"The lesson is {lesson.stage}.", "Only one that is on its way can be stopped.")
    _change(lesson, _failed(STOPPED))
    stopped = state(project_id)
    if stopped is None or stopped.error != STOPPED:
        raise ConflictError("The lesson has just gone on.", "Stop it again.")
    with contextlib.suppress(ConflictError, NotFoundError):  # that has just ended, or was deleted
        _end_stage(lesson)
    return stopped


def _end_stage(lesson: Lesson) -> None:
    if lesson.stage == "fetching" and lesson.model_id:
        models.cancel_model(lesson.model_id)
    elif lesson.stage == "training" and lesson.run_id:
        runs.stop_run(lesson.run_id)
    elif lesson.stage == "serving" and lesson.endpoint_id:
        endpoints.stop_endpoint(lesson.endpoint_id)


def state(project_id: str = "default") -> Lesson | None:
    """Where the project's lesson is; None when it was never started."""
    with db.reading() as session:
        return session.get(Lesson, project_id)


def tick() -> None:
    """Moves every lesson on by at most one stage."""
    rounds.each("lesson", Lesson, _on_their_way, _move_on)


def _on_their_way(session: Session) -> Sequence[str]:
    return session.exec(select(Lesson.project_id).where(col(Lesson.stage) != "failed")).all()


def _move_on(lesson: Lesson) -> None:
    try:
        changes = STAGES[lesson.stage](lesson)
    except TunesmithError as error:
        changes = _failed(str(error))
    if changes:
        _change(lesson, changes)


def _begin_again(session: Session, lesson: Lesson) -> None:
    run = session.get(Run, lesson.run_id) if lesson.run_id else None
    if run is None or run.status != RunStatus.SUCCEEDED:
        lesson.run_id = None
    lesson.stage = "serving" if lesson.run_id else "fetching"
    lesson.model_id = lesson.dataset_id = lesson.endpoint_id = lesson.error = None
    lesson.created_at = time.time()


def _change(lesson: Lesson, changes: Changes) -> None:
    """Compare-and-set: a lesson that was started anew, or moved by another process, is left alone."""
    with db.session() as session:
        fresh = session.get(Lesson, lesson.project_id)
        if fresh is not None and (fresh.stage, fresh.created_at) == (lesson.stage, lesson.created_at):
            fresh.sqlmodel_update(dict(changes))
    news.came()  # the next stage may begin


def _failed(error: str) -> Changes:
    return {"stage": "failed", "error": error}


def _fetching(lesson: Lesson) -> Changes:
    model = models.look_up(lesson.model_id) if lesson.model_id else models.add_model("starter")
    if model.status == ModelStatus.FAILED and lesson.model_id:
        return _failed(f"The download of the starter model failed. {model.error or ''} {model.hint or ''}".strip())
    stage = "importing" if model.status == ModelStatus.READY else "fetching"
    data = {"dataset_id": _lesson_data(lesson.project_id)} if lesson.model_id and lesson.dataset_id is None else {}
    return {"model_id": model.id, "stage": stage, **data}  # the data comes in while the model does


def _importing(lesson: Lesson) -> Changes:
    if lesson.dataset_id is None:
        return {"dataset_id": _lesson_data(lesson.project_id)}
    dataset = datasets.look_up(lesson.dataset_id)
    match dataset.status:
        case DatasetStatus.READY:
            return {"stage": "training"}
        case DatasetStatus.IMPORTING:
            return {}
    return _failed(f"The lesson's data could not be imported. {dataset.error or ''}".strip())


def _lesson_data(project_id: str) -> str:
    """The id of the project's lesson data: what is there already, or imported anew."""
    return _imported(project_id, "lesson", DATASET_NAME, addition_rows.lines)


def _prepare_report(lesson: Lesson) -> None:
    """What the report on its run asks, brought in once nobody waits for the chat any more: the report begins then."""
    if reports.is_waiting(str(lesson.run_id)):
        rows = _imported(lesson.project_id, "lesson-report", REPORT_NAME, addition_rows.report_lines)
        reports.judge_by(str(lesson.run_id), rows)


def _imported(project_id: str, source: str, name: str, lines: Callable[[], str]) -> str:
    with db.reading() as session:
        dataset = stored_datasets.from_source(session, project_id, source)
    if dataset is not None:
        return dataset.id
    path = home.ensure_folder(home.uploads()) / f"{source}-{project_id}.jsonl"
    path.write_text(lines(), encoding="utf-8")
    return datasets.import_file(path, name, project_id, source=source, source_name=f"{source}.jsonl").id


def _training(lesson: Lesson) -> Changes:
    if lesson.run_id is None:
        lesson_recipe = recipe(str(lesson.model_id), str(lesson.dataset_id))
        # The key makes a start that was cut off in the middle find its run again.
        key = f"lesson-{lesson.project_id}-{lesson.created_at}"
        source = Source(dict.fromkeys(provenance.changed(lesson_recipe.model_dump()), provenance.LESSON))
        return {"run_id": runs.start_run(NAME, lesson_recipe, lesson.project_id, idempotency_key=key, source=source).id}
    run = runs.look_up(lesson.run_id)
    if run.status == RunStatus.SUCCEEDED:
        return {"stage": "serving"}
    if run.status == RunStatus.FAILED:
        return _failed(f"The training failed. {run.error or ''} {run.hint or ''}".strip())
    if run.status == RunStatus.STOPPED:
        return _failed("The training was stopped.")
    if run.status == RunStatus.INTERRUPTED and time.time() - run.moved_at > WAITED_SECONDS:
        return _failed("The training was interrupted. Resume it on the Runs page, or start the lesson again.")
    return {}


def _serving(lesson: Lesson) -> Changes:
    runs.look_up(str(lesson.run_id))
    endpoint = endpoints.look_up(lesson.endpoint_id) if lesson.endpoint_id else None
    if endpoint is None:
        return {"endpoint_id": endpoints.serve_run(str(lesson.run_id)).id}
    description = endpoints.describe(endpoint)
    if description["status"] in ("ready", "failed", "stopped"):
        _prepare_report(lesson)
    match description["status"]:
        case "ready":
            return {"stage": "ready"}
        case "failed" | "stopped":
            return _failed(f"The tuned model could not be served. {description.get('error') or ''}".strip())
    return {}


def _ready(lesson: Lesson) -> Changes:
    runs.look_up(str(lesson.run_id))  # raises when it was deleted
    return {}


def _served(lesson: Lesson) -> bool:
    try:
        endpoint = endpoints.look_up(str(lesson.endpoint_id))
    except NotFoundError:
        return False
    return endpoint.stopped_at is None


STAGES: dict[str, Callable[[Lesson], Changes]] = {
    "fetching": _fetching,
    "importing": _importing,
    "training": _training,
    "serving": _serving,
    "ready": _ready,
}
