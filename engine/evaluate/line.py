"""The line of evaluations: one at a time, behind every training.

One begins only while no training waits and a device is free, and holds a shared lease, so that a training which comes
starts at once. Then the evaluation steps aside within a second: its worker is ended and it is first in line again. The
answers it had are kept (engine.workers.evaluate.kept_answers), so nothing is written twice.
"""

import time

from sqlmodel import Session

from engine.data import datasets
from engine.errors import NotFoundError, TunesmithError
from engine.evaluate import spec
from engine.process import devices, logs, rounds, work
from storage import db
from storage import evaluations as stored
from storage.statuses import WORK_MOVING, DatasetStatus, WorkStatus
from storage.tables import Evaluation, Work

NOUN = "evaluations"
KIND = "evaluate"


def tick() -> None:
    """Takes in what was found, steps aside for trainings, and begins the first in line."""
    rounds.each(NOUN, Evaluation, stored.running, _follow)
    with db.reading() as session:
        is_busy = bool(stored.running(session))
    if not is_busy:
        rounds.in_line(NOUN, Evaluation, stored.first_queued, _begin)


def _begin(evaluation: Evaluation) -> bool:
    """Begins an evaluation if the device is free; says whether the next in line may try."""
    machine = devices.on_this_machine()
    with db.reading() as session:
        alone = devices.DeviceRequest("work", evaluation.id, exclusive=True)
        if stored.training_wants(session, None) or devices.would_take(session, machine, alone) is None:
            return False
    if _waits_for_its_rows(evaluation):
        return True
    if not _move(evaluation, WorkStatus.QUEUED, WorkStatus.RUNNING):
        return True
    evaluation.status = WorkStatus.RUNNING
    return not _start(evaluation)


def _waits_for_its_rows(evaluation: Evaluation) -> bool:
    if evaluation.dataset_id is None:
        return False
    try:
        return datasets.look_up(evaluation.dataset_id).status == DatasetStatus.IMPORTING
    except NotFoundError:
        return False  # said when it begins


def _start(evaluation: Evaluation) -> bool:
    """Starts its worker, or finds it; says whether there is one. What cannot be compared any more fails, with why."""
    try:
        begun = work.start(KIND, evaluation.id, spec.of(evaluation))
    except TunesmithError as error:
        _end(evaluation, WorkStatus.FAILED, error.message, error.hint)
        return False
    with db.session() as session:
        row = _unmoved(session, evaluation, WorkStatus.RUNNING)
        if row is not None:
            row.work_id = begun.id
    if row is None:  # stopped or deleted in this instant
        work.forget(begun)
    return row is not None


def _follow(evaluation: Evaluation) -> None:
    doing = _work_of(evaluation)
    if doing is None:
        _start(evaluation)
        return
    if doing.status not in WORK_MOVING:
        _take_in(evaluation, doing)
        return
    with db.reading() as session:
        must_go = stored.training_wants(session, devices.held_by(doing.id) or devices.CPU)
    if must_go and _move(evaluation, WorkStatus.RUNNING, WorkStatus.QUEUED):
        logs.about(NOUN, evaluation.id).info("a training wants the device: the evaluation steps aside")
        work.forget(doing)


def _work_of(evaluation: Evaluation) -> Work | None:
    if evaluation.work_id is None:
        return None
    try:
        return work.look_up(evaluation.work_id)
    except NotFoundError:
        return None


def _take_in(evaluation: Evaluation, done: Work) -> None:
    with db.session() as session:
        row = _unmoved(session, evaluation, WorkStatus.RUNNING)
        if row is not None:
            row.status, row.result, row.error, row.hint = done.status, done.result, done.error, done.hint
            row.ended_at = done.ended_at or time.time()


def _end(evaluation: Evaluation, status: WorkStatus, error: str, hint: str) -> None:
    with db.session() as session:
        row = _unmoved(session, evaluation, evaluation.status)
        if row is not None:
            row.status, row.error, row.hint, row.ended_at = status, error, hint, time.time()


def _move(evaluation: Evaluation, before: WorkStatus, after: WorkStatus) -> bool:
    """Compare-and-set: somebody may stop or delete it in this instant."""
    with db.session() as session:
        row = _unmoved(session, evaluation, before)
        if row is not None:
            row.status, row.work_id = after, None
    return row is not None


def _unmoved(session: Session, evaluation: Evaluation, status: WorkStatus) -> Evaluation | None:
    row = stored.get(session, evaluation.id)
    return row if row is not None and row.status == status else None
