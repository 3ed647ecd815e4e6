"""Work about something the studio has: the tokens of a dataset, its health, an export.

queued -> running -> succeeded | failed | stopped. The same work is done once: whoever asks again gets what there is.
What a kind of work is stands in `work_kinds`; its worker has the same name in `plan`. What a worker leaves lies in its
folder until its subject is deleted, or as long as its kind says.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlmodel import Session

from engine.errors import ConflictError
from engine.existing import existing
from engine.process import attempts, devices, events, logs, news, plan, process, queue, rounds, trash
from engine.process.attempts import State
from engine.process.work_kinds import KINDS, same_work
from storage import db, home, moving
from storage import work as stored_work
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

NOUN = "work"
MOST_AT_ONCE = 2
SCRATCH = "scratch"  # a folder that a worker makes and removes; after a kill it is removed here
WAIT_SECONDS = 0.05


def enqueue(kind: str, subject_id: str, spec: dict[str, Any]) -> Work:
    """Leaves a piece of work for `tick` to begin; nothing starts here. For what nobody waits for."""
    work = _new_work(kind, subject_id, spec)
    with db.session() as session:
        session.add(work)
    return work


def _new_work(kind: str, subject_id: str, spec: dict[str, Any], retries: int | None = None) -> Work:
    retries = KINDS[kind].retries if retries is None else retries
    return Work(kind=kind, subject_id=subject_id, key=same_work(kind, subject_id, spec), spec=spec, retries=retries)


def start(kind: str, subject_id: str, spec: dict[str, Any], secrets: dict[str, str] | None = None) -> Work:
    """Begins a piece of work and returns at once; the same work that is there or under way is returned instead.

    `secrets` go into the worker's environment only, so that work starts at once and is not started again if it dies.
    Raises ConflictError when it needs a device and none is free.
    """
    work = _new_work(kind, subject_id, spec, retries=0 if secrets else None)
    with db.reading() as session:
        if (same := _same(session, work)) is not None:
            return same
    out, machine = folder(work), devices.on_this_machine()
    try:
        # Held from before anybody can see the row until its process is there: no tick starts it without its secrets.
        with attempts.starting(out):
            entered_work = _insert(work, machine, at_once=bool(secrets))
            if entered_work is work and work.status == WorkStatus.RUNNING:
                process.start(_plan(work), out, work.attempt, secrets)
    except ConflictError:
        shutil.rmtree(out)
        raise
    if entered_work is not work:
        shutil.rmtree(out)
    news.came()
    return entered_work


def _insert(work: Work, machine: Sequence[str], at_once: bool) -> Work:
    """Puts the work among the others, under way if it may; gives the same work instead where there is some."""
    with db.session() as session:
        if (same := _same(session, work)) is not None:
            return same
        session.add(work)
        session.flush()
        if KINDS[work.kind].device:
            _take_device(session, machine, work)
        if at_once or _has_room(session, work):
            work.status = WorkStatus.RUNNING
    return work


def _same(session: Session, work: Work) -> Work | None:
    """The same work, if it is still to come or what it left is there."""
    same = stored_work.reusable(session, work.key)
    usable = same is not None and (same.status in WORK_MOVING or home.work_folder(same.id).is_dir())
    return same if usable else None


def _take_device(session: Session, machine: Sequence[str], work: Work) -> None:
    is_exclusive = KINDS[work.kind].device == "alone"
    if devices.take(session, machine, devices.DeviceRequest("work", work.id, is_exclusive)) is None:
        hint = "Wait until it has ended, or stop it, then try again."
        raise ConflictError("A training, or another measurement, is using the device.", hint)


def _has_room(session: Session, work: Work) -> bool:
    prompt = [name for name, kind in KINDS.items() if kind.is_prompt]
    return work.kind in prompt or moving.work_under_way(session, prompt) < MOST_AT_ONCE


def _plan(work: Work) -> plan.Plan:
    out, device = folder(work), devices.held_by(work.id)
    device_fields = {"device": devices.worker_device(device)} if device else {}
    environment = devices.environment(device) if device else {}
    return plan.plan_worker(work.kind, work.spec | device_fields, out, environment)


def folder(work: Work) -> Path:
    """Where its worker leaves what it makes."""
    return home.work_folder(work.id)


def look_up(work_id: str) -> Work:
    """Raises NotFoundError."""
    with db.reading() as session:
        return existing(session, Work, work_id)


def latest(subject_id: str, kind: str) -> Work | None:
    """The newest piece of work of a kind about a subject, whatever became of it."""
    with db.reading() as session:
        return stored_work.latest(session, subject_id, kind)


def find(kind: str, subject_id: str, spec: dict[str, Any]) -> Work | None:
    """The newest piece of exactly this work, whatever became of it; None when nobody has asked for it."""
    with db.reading() as session:
        return stored_work.newest_with_key(session, same_work(kind, subject_id, spec))


def about(subject_id: str, kind: str | None = None) -> Sequence[Work]:
    """All of it about a subject, the newest first."""
    with db.reading() as session:
        return stored_work.about(session, subject_id, kind)


def wait(work_id: str, seconds: float) -> Work:
    """The work when it is over, or as it is after `seconds`. Follows it itself, so that it never waits for a tick."""
    deadline = time.monotonic() + seconds
    while (work := look_up(work_id)).status in WORK_MOVING and time.monotonic() < deadline:
        if work.status == WorkStatus.RUNNING:
            _follow(work)
        time.sleep(WAIT_SECONDS)
    if work.status not in WORK_MOVING:
        queue.ring(begin)  # there may be room for another
    return work


def stop(work_id: str) -> Work:
    """Ends it, and keeps nothing of what it had made."""
    with db.session() as session:
        work = existing(session, Work, work_id)
        if work.status not in WORK_MOVING:
            return work
        work.status, work.progress, work.ended_at = WorkStatus.STOPPED, None, time.time()
    process.end(folder(work))
    trash.discard(folder(work))
    with db.session() as session:
        devices.give_back(session, work.id)
    queue.ring(begin)
    return work


def forget_subject(subject_id: str) -> None:
    """Ends and removes all work about a subject that is being deleted."""
    for work in about(subject_id):
        forget(work)


def forget(work: Work) -> None:
    """Ends a piece of work and removes it with what it has made."""
    with db.session() as session:
        if (row := stored_work.get(session, work.id)) is not None:
            session.delete(row)
    process.end(folder(work))
    trash.discard(folder(work))


def drop_old() -> None:
    """Forgets work whose kind keeps it for a while only, once that is over."""
    for name, kind in KINDS.items():
        if kind.kept_seconds is not None:
            with db.reading() as session:
                old = stored_work.ended_before(session, name, time.time() - kind.kept_seconds)
            for work in old:
                forget(work)


def tick() -> None:
    """Moves all work on: reads what workers say, starts dead ones again, and begins what has room now."""
    rounds.each(NOUN, Work, moving.work, _follow)
    begin.call_local()


@queue.huey.task()
def begin() -> None:
    """Begins the work that is first in line, and the next, while there is room."""
    rounds.in_line(NOUN, Work, moving.first_work, _begin)


def _begin(work: Work) -> bool:
    """Begins a piece of work if there is room; says whether the next in line may try too."""
    with db.reading() as session:
        if not _has_room(session, work):
            return False
    with db.session() as session:
        row = stored_work.get(session, work.id)
        if row is None or row.status != WorkStatus.QUEUED or not _has_room(session, row):
            return True
        row.status = WorkStatus.RUNNING
    _start(row)
    return True


def _start(work: Work) -> None:
    try:
        attempts.start(folder(work), work.attempt, lambda: _plan(work))
    except (ConflictError, OSError) as error:
        message = f"The {KINDS[work.kind].label} could not be started: {error}"
        _change(work, lambda row: _end(row, WorkStatus.FAILED, message, "Try again."))


def _follow(work: Work) -> None:
    out = folder(work)
    seen = attempts.look(out, work.attempt, work.events_offset)
    if seen.state is State.NEW:
        _start_or_give_up(work, out)
    elif seen.is_news or seen.over:
        fresh = _change(work, lambda row: _take_in(row, seen))
        if fresh and fresh.attempt > work.attempt:
            _start(fresh)


def _start_or_give_up(work: Work, out: Path) -> None:
    """Under way but not started: whoever began it is about to start it, or was killed before.

    What is not tried again is not started here either: it may need secrets that only the one who asked had.
    """
    if work.retries:
        _start(work)
        return
    with attempts.starting(out) as alone:
        if not alone or process.was_started(out, work.attempt):
            return
        process.forbid(out, work.attempt)
    _change(work, lambda row: _end(row, WorkStatus.FAILED, "The studio ended before this began.", "Try again."))


def _take_in(work: Work, seen: attempts.Seen) -> None:
    work.events_offset = seen.offset
    for event in seen.events:
        _apply(work, event)
    if seen.over:
        _retry_or_fail(work)


def _change(work: Work, change: Callable[[Work], None]) -> Work | None:
    """Changes the row if nobody has moved it on, and takes its device back at the end; None when somebody has."""
    unmoved = (WorkStatus.RUNNING, work.attempt, work.events_offset)
    with db.session() as session:
        row = stored_work.get(session, work.id)
        if row is None or (row.status, row.attempt, row.events_offset) != unmoved:
            return None
        change(row)
        if row.status not in WORK_MOVING:
            devices.give_back(session, row.id)
    return row


def _retry_or_fail(work: Work) -> None:
    out, label = folder(work), KINDS[work.kind].label
    if attempts.tries_again(work.attempt, work.retries):
        logs.about(NOUN, work.id).warning("the %s died and is started again", label)
        work.attempt += 1
        return
    shutil.rmtree(out / SCRATCH, ignore_errors=True)
    words = attempts.last_words(out, 1) or f"The process of the {label} died without an error message."
    _end(work, WorkStatus.FAILED, words, "Perhaps the memory ran out. Try again.")


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
