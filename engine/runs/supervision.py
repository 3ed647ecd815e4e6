"""Moves runs on: from the queue to a shim, from a shim's end to what became of the training.

    queued -> starting -> running -> (stopping ->) succeeded | failed | stopped | interrupted -> queued ...

`launch` is what the bell rings for; `tick` looks at every moving run once a second and does what a lost bell, a
killed studio or a killed process left undone. Each may run twice, in two processes, at the same time: every step is
a compare-and-set, and an attempt starts only once.
"""

import shutil
import time
from dataclasses import replace
from pathlib import Path

from sqlmodel import Session

from engine.errors import ConflictError, TunesmithError
from engine.fit import memory as fit
from engine.process import devices, logs, process
from engine.process.plan import Plan
from engine.process.queue import huey
from engine.recipes import launch_command
from engine.recipes.recipe import parse
from engine.runs import healing, ingest, verdict
from engine.train import spec as training_spec
from engine.weights import checkpoints
from storage import db as database
from storage import home, runs
from storage.statuses import RunStatus
from storage.tables import Dataset, Model, Run
from storage.transitions import move_run

LEAST_FREE_BYTES = 1 << 30
STOP_SECONDS, KILL_SECONDS = 30, 45  # since Stop was pressed: SIGTERM, then SIGKILL
LOST_SECONDS = 3  # a run that was taken from the queue and never got a shim: whoever took it was killed


@huey.task()
def launch(run_id: str) -> None:
    """Takes the run from the queue and gives it a shim, when it is first in line and a device is free."""
    run = _claim(run_id)
    if run:
        _spawn(run)


def ring(run_id: str) -> None:
    """Asks for a launch soon. If the message gets lost, `tick` comes to it within a second."""
    with logs.kept_going("runs", run_id):
        launch(run_id)


def tick() -> None:
    """One look at every run that is on its way somewhere."""
    with database.reading() as db:
        moving = runs.moving(db)
    for run in moving:
        with logs.kept_going("runs", run.id):
            if run.status == RunStatus.QUEUED:
                launch.call_local(run.id)
            else:
                _follow(run)


def plan_attempt(run: Run, model: Model, dataset: Dataset) -> Plan:
    """The command that trains, with its spec: from the newest checkpoint that verifies, or from the beginning."""
    folder, device = home.run_folder(run.id), run.device or devices.CPU
    recipe = healing.adjusted(parse(run.recipe), run.facts)  # kept as it was submitted, perhaps by an older studio
    checkpoints.quarantine_bad(folder)
    newest = checkpoints.newest_good(folder)
    spec = training_spec.of(recipe, model, dataset) | {
        "device": devices.worker_device(device),
        "resume_from": str(newest) if newest else None,
        "attempt": run.attempt,
    }
    return launch_command.plan_training(recipe, spec, folder, device, launch_command.free_port())


def check_space() -> None:
    """Raises ConflictError when the disk is nearly full: a training that cannot save is lost work."""
    free = shutil.disk_usage(home.home()).free
    if free < LEAST_FREE_BYTES:
        least = fit.in_words(LEAST_FREE_BYTES)
        message = f"Only {fit.in_words(free)} of disk are free where the studio keeps its files; {least} are needed."
        raise ConflictError(message, "Delete runs or models that are no longer needed, then resume the run.")


def _claim(run_id: str) -> Run | None:
    with database.session() as db:
        waiting = runs.with_status(db, RunStatus.QUEUED)
        if not waiting or waiting[0].id != run_id:
            return None  # gone, or not its turn: whoever is first gets the device
        run = waiting[0]
        try:
            device = devices.take(db, "run", run.id, True, launch_command.devices_wanted(parse(run.recipe)))
        except TunesmithError as error:  # more devices than there are (any more): it would block the queue for ever
            why = {"error": error.message, "hint": error.hint, "ended_at": time.time()}
            move_run(db, run, RunStatus.QUEUED, RunStatus.FAILED, error.message, **why)
            return None
        if device is None:
            return None
        changes = {"device": device, "started_at": time.time(), "ended_at": None}
        moved = move_run(db, run, RunStatus.QUEUED, RunStatus.STARTING, f"{device} is free", **changes)
        return run if moved else None


def _spawn(run: Run) -> None:
    try:
        check_space()
        with database.reading() as db:
            model, dataset = db.get_one(Model, run.model_id), db.get_one(Dataset, run.dataset_id)
        process.start(plan_attempt(run, model, dataset), home.run_folder(run.id), run.attempt)
    except (TunesmithError, OSError, ValueError) as error:
        hint = error.hint if isinstance(error, TunesmithError) else "See the studio's log."
        logs.about("runs", run.id).warning("cannot start: %s", error, exc_info=True)
        _settle(run, verdict.Verdict(RunStatus.FAILED, getattr(error, "message", str(error)), hint))


def _follow(run: Run) -> None:
    folder = home.run_folder(run.id)
    living = process.alive(folder)  # asked before reading: what a dead worker wrote is then all there
    started = process.was_started(folder, run.attempt)
    if started and not living:
        process.sweep(folder)
    while newer := ingest.take_in(run):
        run = newer
    if living:
        _press(run, folder)
    elif started:
        _settle(run, _judge(run, folder))
    elif time.time() - run.moved_at > LOST_SECONDS:
        _find(run, folder)


def _press(run: Run, folder: Path) -> None:
    """A run that was told to stop: first asked, then told, then made to."""
    if run.status != RunStatus.STOPPING:
        return
    process.request_stop(folder)  # again each time: the start of a process clears old requests
    waited = time.time() - run.moved_at
    if waited > KILL_SECONDS:
        process.kill(folder)
    elif waited > STOP_SECONDS:
        process.terminate(folder)


def _find(run: Run, folder: Path) -> None:
    """Taken from the queue, but nothing came of it: whoever took it was killed in between."""
    if run.status == RunStatus.STOPPING:
        process.forbid(folder, run.attempt)
        _settle(run, verdict.Verdict(RunStatus.STOPPED))
    else:
        _spawn(run)  # the same attempt: it starts once, whoever else may still come


def _judge(run: Run, folder: Path) -> verdict.Verdict:
    ending, record = run.facts.get("ending"), process.exit_record(folder, run.attempt)
    words = process.tail(folder / "output.log", lines=8)
    return verdict.judge(verdict.End(folder, run.status == RunStatus.STOPPING, ending, record, words))


def _settle(run: Run, end: verdict.Verdict) -> None:
    """The end of an attempt: the device goes back, and the run goes on by itself where that may help."""
    step = checkpoints.newest_step(home.run_folder(run.id))
    healed, end = _healed(run, end)
    changes = {"error": end.error, "hint": end.hint, "artifact": end.artifact, "eta_seconds": None}
    with database.session() as db:
        if not move_run(db, run, run.status, end.status, end.error or "", ended_at=time.time(), **changes):
            return
        devices.give_back(db, run.id)
        row = db.get_one(Run, run.id, populate_existing=True)
        wanted = bool(row.recipe.get("auto_resume")) and row.status in (RunStatus.FAILED, RunStatus.INTERRUPTED)
        again = wanted and (healed is not None or verdict.tries_again(end, row.auto_resumes, row.last_failure, step))
        if end.error:
            row.last_failure = verdict.signature(end, step)
        if again:
            _go_on(db, row, end, healed, step)
    if again:
        ring(run.id)


def _healed(run: Run, end: verdict.Verdict) -> tuple[healing.Healed | None, verdict.Verdict]:
    """What to change where the memory ran out; the verdict says so where there is nothing left to change."""
    if end.again != "smaller":
        return None, end
    healed = healing.smaller(run.recipe, run.facts)
    tried = healed is None and run.facts.get("healed")
    return healed, replace(end, hint=healing.EXHAUSTED) if tried else end


def _go_on(db: Session, run: Run, end: verdict.Verdict, healed: healing.Healed | None, step: int) -> None:
    where = f"step {step}" if step >= 0 else "the beginning"
    if healed is None:
        ingest.note(run, f"Attempt {run.attempt}: {end.error} It was resumed by itself.")
        run.auto_resumes += 1
    else:
        ingest.note(run, f"Attempt {run.attempt}: {end.error} It goes on from {where} with {healed.words}.")
        told = {"attempt": run.attempt, "step": max(step, 0), "words": healed.words}
        run.facts = {
            **run.facts,
            "adjustments": healed.adjustments,
            "healed": [*run.facts.get("healed", []), told],
        }
    db.flush()
    requeue(db, run, f"went on by itself with {healed.words}" if healed else "resumed by itself")


def requeue(db: Session, run: Run, reason: str) -> bool:
    """Puts a run that ended back into the queue as a new attempt, in the caller's transaction."""
    facts = {name: value for name, value in run.facts.items() if name not in ("ending", "pace", "stage")}
    changes = {"attempt": run.attempt + 1, "facts": facts, "error": None, "hint": None, "ended_at": None}
    return move_run(db, run, run.status, RunStatus.QUEUED, reason, **changes)
