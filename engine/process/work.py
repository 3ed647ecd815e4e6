"""Work about something the studio has: the tokens of a dataset, its health, an export.

queued -> running -> succeeded | failed | stopped. The same work is done once: whoever asks again gets what there is.
A worker that dies is started again, once. What a worker leaves lies in its folder until its subject is deleted, or,
for pages that are quickly made again, for a day.
"""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlmodel import Session

from engine.errors import ConflictError, NotFoundError
from engine.process import devices, events, plan, process
from storage import db, home
from storage import work as stored
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

log = logging.getLogger(__name__)

MOST_AT_ONCE = 2
MOST_ATTEMPTS = 2
# Somebody waits for these: they never stand in the queue.
PROMPT = {"token_rows", "look_data", "first_rows", "fit_probe"}
COMPUTING = {"fit_probe"}  # each takes a device for itself, as a training does, and is not started again if it dies
SCRATCH = "scratch"  # a folder that a worker makes and removes; after a kill it is removed here
PASSING = {"token_rows": 24 * 3600, "look_data": 600}  # kinds whose results are dropped after so many seconds
WAIT_SECONDS = 0.05


def enqueue(kind: str, subject_id: str, spec: dict[str, Any]) -> Work:
    """Leaves a piece of work for `tick` to begin; nothing starts here. For what nobody waits for."""
    made = Work(kind=kind, subject_id=subject_id, key=_key(kind, subject_id, spec), spec=spec)
    with db.session() as session:
        session.add(made)
    return made


def _key(kind: str, subject_id: str, spec: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([kind, subject_id, spec], sort_keys=True).encode()).hexdigest()


def start(kind: str, subject_id: str, spec: dict[str, Any], secrets: dict[str, str] | None = None) -> Work:
    """Begins a piece of work and returns at once; the same work that is there or under way is returned instead.

    `secrets` go into the worker's environment only, so that work starts at once and is not started again if it dies.
    Raises ConflictError when it needs a device and none is free.
    """
    key = _key(kind, subject_id, spec)
    with db.session() as session:
        found = stored.same(session, key)
        if found is not None and (found.status in WORK_MOVING or _is_there(found)):
            return found
        made = Work(kind=kind, subject_id=subject_id, key=key, spec=spec)
        if secrets or kind in COMPUTING:
            made.attempt = MOST_ATTEMPTS
        session.add(made)
        session.flush()
        if kind in COMPUTING:
            _take_device(session, made)
        go = bool(secrets) or _may_start(session, made)
        if go:
            made.status = WorkStatus.RUNNING
    if go:
        _spawn(made, secrets)
    return made


def _take_device(session: Session, work: Work) -> None:
    if devices.take(session, "work", work.id, exclusive=True) is None:
        hint = "Wait until it has ended, or stop it, then try again."
        raise ConflictError("A training, or another measurement, has the device now.", hint)


def _is_there(work: Work) -> bool:
    return (home.home() / "work" / work.id).is_dir()


def _may_start(session: Session, work: Work) -> bool:
    if work.kind in PROMPT:
        return True
    running = [one for one in stored.moving(session) if one.status == WorkStatus.RUNNING and one.kind not in PROMPT]
    return len(running) < MOST_AT_ONCE


def _spawn(work: Work, secrets: dict[str, str] | None = None) -> None:
    out, device = folder(work), devices.held_by(work.id)
    told = {"device": devices.worker_device(device)} if device else {}
    environment = devices.environment(device) if device else {}
    process.start(plan.plan_worker(work.kind, work.spec | told, out, environment), out, work.attempt, secrets)


def folder(work: Work) -> Path:
    """Where its worker leaves what it makes."""
    return home.work_folder(work.id)


def look_up(work_id: str) -> Work:
    """Raises NotFoundError."""
    with db.reading() as session:
        if (found := stored.get(session, work_id)) is not None:
            return found
    raise NotFoundError(f"There is no work `{work_id}`.", "It may have been deleted with its dataset.")


def latest(subject_id: str, kind: str) -> Work | None:
    """The newest piece of work of a kind about a subject, whatever became of it."""
    with db.reading() as session:
        return stored.latest(session, subject_id, kind)


def about(subject_id: str, kind: str | None = None) -> Sequence[Work]:
    """All of it about a subject, the newest first."""
    with db.reading() as session:
        return stored.about(session, subject_id, kind)


def wait(work_id: str, seconds: float) -> Work:
    """The work when it is over, or as it is after `seconds`. Follows it itself, so that it never waits for a tick."""
    deadline = time.monotonic() + seconds
    while (found := look_up(work_id)).status in WORK_MOVING and time.monotonic() < deadline:
        if found.status == WorkStatus.RUNNING:
            _follow(found)
        time.sleep(WAIT_SECONDS)
    return found


def stop(work_id: str) -> Work:
    """Ends it, and keeps nothing of what it had made."""
    with db.session() as session:
        found = stored.get(session, work_id)
        if found is None:
            raise NotFoundError(f"There is no work `{work_id}`.")
        if found.status not in WORK_MOVING:
            return found
        found.status, found.progress, found.ended_at = WorkStatus.STOPPED, None, time.time()
    process.end(folder(found))
    shutil.rmtree(folder(found), ignore_errors=True)
    with db.session() as session:
        devices.give_back(session, found.id)
    return found


def forget_subject(subject_id: str) -> None:
    """Ends and removes all work about a subject that is being deleted."""
    for one in about(subject_id):
        _forget(one)


def _forget(work: Work) -> None:
    with db.session() as session:
        if (fresh := stored.get(session, work.id)) is not None:
            session.delete(fresh)
    process.end(folder(work))
    shutil.rmtree(folder(work), ignore_errors=True)


def tick() -> None:
    """Moves all work on: reads what workers say, starts what has room now, and dead ones again, once."""
    with db.reading() as session:
        moving = stored.moving(session)
    for one in moving:
        if one.status == WorkStatus.RUNNING:
            _follow(one)
        else:
            _start_when_there_is_room(one)
    _drop_passing()


def _start_when_there_is_room(work: Work) -> None:
    with db.session() as session:
        fresh = stored.get(session, work.id)
        if fresh is None or fresh.status != WorkStatus.QUEUED or not _may_start(session, fresh):
            return
        fresh.status = WorkStatus.RUNNING
    _spawn(fresh)


def _follow(work: Work) -> None:
    out = folder(work)
    gone = process.was_started(out, work.attempt) and not process.alive(out)  # asked before the events are read
    seen, offset = events.read(out, work.events_offset)
    with db.session() as session:
        fresh = stored.get(session, work.id)
        if fresh is None or fresh.status != WorkStatus.RUNNING:
            return
        if (fresh.events_offset, fresh.attempt) != (work.events_offset, work.attempt):
            return  # somebody else was quicker
        fresh.events_offset = offset
        for event in seen:
            _apply(fresh, event)
        if gone and fresh.status == WorkStatus.RUNNING and not seen:
            _again_or_fail(fresh, out)
        if fresh.status not in WORK_MOVING:
            devices.give_back(session, fresh.id)
    if fresh.status == WorkStatus.RUNNING and not process.was_started(out, fresh.attempt):
        _spawn(fresh)


def _again_or_fail(work: Work, out: Path) -> None:
    if work.attempt < MOST_ATTEMPTS:
        log.warning("the work %s (%s) died and is started again", work.id, work.kind)
        work.attempt += 1
        return
    process.sweep(out)
    shutil.rmtree(out / SCRATCH, ignore_errors=True)
    words = process.tail(out / "output.log", 1)
    _end(work, WorkStatus.FAILED, words or "The process died without a word.", "Perhaps the memory ran out. Try again.")


def _apply(work: Work, event: events.Event) -> None:
    match event:
        case events.Progress(done=done, total=total, stage=stage):
            work.progress, work.stage = (min(1.0, done / total) if total else None), stage
        case events.Failed(message=message, hint=hint):
            _end(work, WorkStatus.FAILED, message, hint)
        case events.Finished(outcome="stopped"):
            _end(work, WorkStatus.STOPPED)
        case events.Finished(result=result):
            work.result = result
            _end(work, WorkStatus.SUCCEEDED)
        case _:
            pass


def _end(work: Work, status: WorkStatus, error: str | None = None, hint: str | None = None) -> None:
    work.status, work.error, work.hint, work.ended_at, work.progress = status, error, hint, time.time(), None


def _drop_passing() -> None:
    now = time.time()
    with db.reading() as session:
        old = [one for kind, kept in PASSING.items() for one in stored.ended_before(session, kind, now - kept)]
    for one in old:
        _forget(one)
