"""Moves runs on: from the queue to a shim, from a shim's end to what became of the training.

    queued -> starting -> running -> (stopping ->) succeeded | failed | stopped | interrupted -> queued ...

`launch` is what the bell rings for; `tick` looks at every run that is alive once a second and does what a lost bell, a
killed studio or a killed process left undone. Each may run twice, in two processes, at the same time: every step is
a compare-and-set, and an attempt starts only once.
"""

import time
from dataclasses import replace
from pathlib import Path

from sqlmodel import Session

from engine import sizes
from engine.errors import ConflictError, TunesmithError
from engine.evaluate import reports
from engine.process import attempts, devices, logs, news, process, queue, rounds
from engine.process.attempts import State
from engine.process.plan import Plan
from engine.recipes import launch_command
from engine.recipes.recipe import parse
from engine.runs import healing, ingest, machine_samples, samples, sleeping_endpoints, stuck, verdict
from engine.train import spec as training_spec
from engine.weights import checkpoints
from storage import db, home, moving
from storage.queued import followers
from storage.queued import state as queue_state
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Run, RunFacts
from storage.tables.run_facts import Adjustment
from storage.transitions import move_run

NOUN = "runs"
LEAST_FREE_BYTES = 1 << 30
STOP_SECONDS, KILL_SECONDS = 30, 45  # since Stop was pressed: SIGTERM, then SIGKILL


@queue.huey.task()
def launch() -> None:
    """Takes runs from the queue and starts them, the first in line first, until one has to wait for a device."""
    rounds.in_line(NOUN, Run, queue_state.next_run, _launch)


def tick() -> None:
    """One look at every run that is alive, and one at the head of the queue."""
    rounds.each(NOUN, Run, moving.runs, _follow)
    _release_ready()
    launch.call_local()


def _release_ready() -> None:
    """Runs whose dataset or model is ready by now may start."""
    with db.reading() as session:
        if not followers.any_unready(session):
            return
    with db.session() as session:
        followers.release_ready(session)


def check_space() -> None:
    """Raises ConflictError when the disk is nearly full: a training that cannot save is lost work."""
    free = home.free_bytes()
    if free < LEAST_FREE_BYTES:
        least = sizes.in_words(LEAST_FREE_BYTES)
        message = (
            f"Only {sizes.in_words(free)} of disk space is free where the studio keeps its files; {least} is needed."
        )
        raise ConflictError(message, "Delete runs or models that are no longer needed, then resume the run.")


def plan_attempt(run: Run, model: Model, dataset: Dataset) -> Plan:
    """The command that trains, with its spec. The worker verifies the checkpoint that it is told to resume from."""
    folder, device = home.run_folder(run.id), run.device or devices.CPU
    recipe = healing.adjusted(parse(run.recipe), run.facts)  # kept as it was submitted, perhaps by an older studio
    newest = checkpoints.newest_whole(folder)
    spec = training_spec.of(recipe, model, dataset) | {
        "device": devices.worker_device(device),
        "resume_from": str(newest) if newest else None,
        "attempt": run.attempt,
        **samples.spec_part(run),
    }
    plan = launch_command.plan_training(recipe, spec, folder, device, launch_command.free_port())
    return replace(plan, beside=machine_samples.sampler_command(folder, device))


def _launch(run: Run) -> bool:
    """Starts a run from the queue if it can have its devices; says whether the next in line may try too."""
    machine = devices.on_this_machine()
    try:
        request = devices.DeviceRequest(
            "run", run.id, exclusive=True, count=launch_command.devices_wanted(parse(run.recipe))
        )
        with db.reading() as session:
            device = devices.would_take(session, machine, request)
        if device is None:
            return False
    except TunesmithError as error:  # more devices than there are (any more): it would block the queue for ever
        _refuse(run, error)
        return True
    if _is_held(run):
        return True
    if not sleeping_endpoints.made_room(run, device):
        return False
    if (claimed := _claim(run, machine, request)) is not None:
        _start(claimed)
    return True


def _is_held(run: Run) -> bool:
    """Whether its dataset or model is not ready just now: then others go before it, until `tick` finds it ready."""
    with db.reading() as session:
        model, dataset = session.get(Model, run.model_id), session.get(Dataset, run.dataset_id)
    fetched = model is not None and model.status == ModelStatus.QUEUED
    imported = dataset is not None and dataset.status == DatasetStatus.IMPORTING
    if not fetched and not imported:
        return False
    with db.session() as session:
        row = session.get(Run, run.id)
        if row is not None and (row.status, row.hold) == (RunStatus.QUEUED, ""):
            row.hold = followers.MODEL if fetched else followers.DATASET
    return True


def _claim(run: Run, machine: tuple[str, ...], request: devices.DeviceRequest) -> Run | None:
    """The run with its device, out of the queue; None when it is no longer there, or the device is gone.

    Or when somebody has just paused the queue, or has it wait for another run.
    """
    with db.session() as session:
        row = session.get(Run, run.id)
        if row is None or row.hold or queue_state.current(session).paused_at is not None:
            return None
        device = devices.take(session, machine, request)
        changes = {"device": device, "started_at": time.time(), "ended_at": None}
        reason = f"{device} is free"
        if device is None or not move_run(session, run, RunStatus.QUEUED, RunStatus.STARTING, reason, **changes):
            session.rollback()
            return None
        return session.get_one(Run, run.id)


def _refuse(run: Run, error: TunesmithError) -> None:
    columns = {"error": error.message, "hint": error.hint, "ended_at": time.time()}
    with db.session() as session:
        if move_run(session, run, RunStatus.QUEUED, RunStatus.FAILED, error.message, **columns):
            queue_state.after_failure(session, run)


def _start(run: Run) -> None:
    """Gives the attempt to a shim, once, whoever else may come to it: the one who claimed it, or the next tick."""
    try:
        attempts.start(home.run_folder(run.id), run.attempt, lambda: _plan(run))
    except (TunesmithError, OSError, ValueError) as error:
        hint = error.hint if isinstance(error, TunesmithError) else "See the studio's log."
        logs.about(NOUN, run.id).warning("cannot start: %s", error, exc_info=True)
        _settle(run, verdict.Verdict(RunStatus.FAILED, getattr(error, "message", str(error)), hint))


def _plan(run: Run) -> Plan:
    check_space()
    with db.reading() as session:
        model, dataset = session.get_one(Model, run.model_id), session.get_one(Dataset, run.dataset_id)
    return plan_attempt(run, model, dataset)


def _follow(run: Run) -> None:
    folder = home.run_folder(run.id)
    while (seen := attempts.look(folder, run.attempt, run.events_offset)).is_news:
        newer = ingest.take_in(run, seen)
        if newer is None:
            return  # somebody else was faster
        run = newer
    match seen.state:
        case State.LIVING:
            _press_to_stop(run, folder)
            machine_samples.take_in(run, folder)
            stuck.watch(run, folder)
        case State.ENDED:
            machine_samples.take_in(run, folder, is_over=True)
            _settle(run, _judge(run, folder))
        case State.NEW:
            _start_or_stop(run, folder)


def _press_to_stop(run: Run, folder: Path) -> None:
    """A run that was told to stop: first asked, then told, then made to."""
    if run.status != RunStatus.STOPPING:
        return
    process.request_stop(folder)  # again each time: the start of a process clears old requests
    waited = time.time() - run.moved_at
    if waited > KILL_SECONDS:
        process.kill(folder)
    elif waited > STOP_SECONDS:
        process.terminate(folder)


def _start_or_stop(run: Run, folder: Path) -> None:
    """Not started, or no longer there. Whoever took it from the queue is about to start it, or was killed before."""
    if run.status == RunStatus.STOPPING:
        process.forbid(folder, run.attempt)
        _settle(run, verdict.Verdict(RunStatus.STOPPED))
    elif run.status == RunStatus.RUNNING:  # it trained: what said so is gone, and so are its checkpoints
        message = "The folder of this run was deleted while it trained."
        _settle(run, verdict.Verdict(RunStatus.FAILED, message, "Start it again with its recipe."))
    else:
        _start(run)


def _judge(run: Run, folder: Path) -> verdict.Verdict:
    ending, record = run.facts.ending, process.exit_record(folder, run.attempt)
    words = attempts.last_words(folder)
    return verdict.judge(
        verdict.End(folder, run.status == RunStatus.STOPPING, ending, record, words, stuck.was_ended(run))
    )


def _settle(run: Run, end: verdict.Verdict) -> None:
    """The end of an attempt: the device goes back, and the run goes on by itself where that may help."""
    step = _newest_step(run)
    healed, end = _healed(run, end)
    changes = {"error": end.error, "hint": end.hint, "artifact": end.artifact, "eta_seconds": None}
    with db.session() as session:
        if not move_run(session, run, run.status, end.status, end.error or "", ended_at=time.time(), **changes):
            return
        devices.give_back(session, run.id)
        row = session.get_one(Run, run.id, populate_existing=True)
        stuck.forget(row)
        if row.status == RunStatus.SUCCEEDED:
            reports.plan(session, row)
        goes_on = row.recipe.get("restart_when_stuck" if stuck.was_ended(row) else "auto_resume")
        may_resume = bool(goes_on) and row.status in (RunStatus.FAILED, RunStatus.INTERRUPTED)
        again = may_resume and (
            healed is not None or verdict.tries_again(end, row.auto_resumes, row.last_failure, step)
        )
        if end.error:
            row.last_failure = verdict.signature(end, step)
        if again:
            _resume(session, row, end, healed, step)
        elif row.status in (RunStatus.FAILED, RunStatus.INTERRUPTED):
            queue_state.after_failure(session, row)
    news.came()  # a sweep or a lesson goes on


def _newest_step(run: Run) -> int:
    try:
        return checkpoints.newest_step(home.run_folder(run.id))
    except OSError:  # its folder cannot be read: that must not keep the device
        return -1


def _healed(run: Run, end: verdict.Verdict) -> tuple[healing.Healed | None, verdict.Verdict]:
    """What to change where the memory ran out; the verdict says so where there is nothing left to change."""
    if end.again != "smaller":
        return None, end
    healed = healing.smaller(run.recipe, run.facts)
    exhausted = healed is None and run.facts.healed
    return healed, replace(end, hint=healing.EXHAUSTED) if exhausted else end


def _resume(session: Session, run: Run, end: verdict.Verdict, healed: healing.Healed | None, step: int) -> None:
    start_words = f"step {step}" if step >= 0 else "the beginning"
    if healed is None:
        ingest.note(run, f"Attempt {run.attempt}: {end.error} It was resumed by itself.")
        run.auto_resumes += 1
    else:
        ingest.note(run, f"Attempt {run.attempt}: {end.error} It continues from {start_words} with {healed.words}.")
        adjustment = Adjustment(attempt=run.attempt, step=max(step, 0), words=healed.words)
        history = [*run.facts.healed, adjustment]
        run.facts = run.facts.merged(RunFacts(adjustments=healed.adjustments, healed=history))
    session.flush()
    requeue(session, run, f"went on by itself with {healed.words}" if healed else "resumed by itself")


def requeue(session: Session, run: Run, reason: str) -> bool:
    """Puts a run that ended back into the queue as a new attempt, in the caller's transaction."""
    began_at = run.facts.began_at or run.started_at
    earlier = RunFacts(began_at=began_at, seconds_before=run.seconds or 0.0)
    facts = run.facts.for_next_attempt().merged(earlier)
    changes = {"attempt": run.attempt + 1, "facts": facts, "error": None, "hint": None}
    changes |= {"started_at": None, "ended_at": None}
    return move_run(session, run, run.status, RunStatus.QUEUED, reason, **changes)
