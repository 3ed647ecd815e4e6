"""Trials as runs: begun by the queue of trainings, followed, recorded when they end, put away when they were pruned."""

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from engine.errors import ConflictError, RefusedError, TunesmithError
from engine.process import logs, process, trash
from engine.recipes.provenance import Source
from engine.runs import runs
from engine.sweeps import trial_recipes
from engine.sweeps.life import outcomes
from engine.sweeps.life.next_step import ENDED_WITH_SWEEP
from engine.sweeps.spec import TASTE, SweepSpec
from engine.sweeps.study import differing
from engine.weights import checkpoints
from storage import db, home
from storage import runs as stored_runs
from storage.statuses import RUN_MOVING, RunStatus, SweepStatus
from storage.sweeps import trials as stored
from storage.tables import Run, Sweep, SweepTrial

RUNNING = "running"
LONGEST_NAME = 120
BY_HAND = "Its run was stopped by hand."
DELETED = "Its run was deleted."


def begin(sweep: Sweep, spec: SweepSpec, slots: int) -> None:
    """Starts the runs of trials that wait for one, as many side by side as there are slots."""
    with db.reading() as session:
        running = stored.running(session, sweep.id)
    free = slots - sum(trial.run_id is not None for trial in running)
    for trial in [trial for trial in running if trial.run_id is None][: max(0, free)]:
        _start(sweep, spec, trial)


def key(trial: SweepTrial) -> str:
    """By which its run is found again: the same trial begins no second run."""
    again = f":{trial.tries}" if trial.tries > 1 else ""
    return f"sweep:{trial.sweep_id}:{trial.number}{again}"


def _start(sweep: Sweep, spec: SweepSpec, trial: SweepTrial) -> None:
    try:
        recipe = trial_recipes.of(spec, trial.params, trial.phase, trial.seed)  # type: ignore[arg-type]
        source = Source(trial_recipes.origins(spec, trial.params, recipe), trial_of=sweep.id)
        run = runs.start_run(name_of(trial), recipe, sweep.project_id, key(trial), source)
    except RefusedError as error:
        _end(trial, "refused", str(error))
    except TunesmithError as error:
        logs.about("sweeps", sweep.id).warning("trial %d cannot start: %s", trial.number, error)
        _end(trial, "failed", str(error))
    else:
        with db.session() as session:
            stored.move(session, trial, RUNNING, run_id=run.id, started_at=run.created_at)


def name_of(trial: SweepTrial) -> str:
    """What its run is called: what differs from the others, and its number."""
    seed = {"seed": trial.seed} if trial.seed is not None else {}
    phase = {"full": " in full", "repeat": " again"}.get(trial.phase, "")
    name = f"Trial {trial.number}{phase}: {differing(trial.params | seed)}"
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _end(trial: SweepTrial, state: str, reason: str = "", run: Run | None = None, **changes: Any) -> None:
    """`run`: whose end this is. Where somebody has resumed it meanwhile, the trial goes on."""
    now = time.time()
    with db.session() as session:
        if run is not None and not stored.is_unmoved(session, run):
            return
        stored.move(session, trial, RUNNING, state=state, reason=reason, ended_at=now, is_put_away=True, **changes)


def settle(sweep: Sweep, spec: SweepSpec) -> None:
    """Records what running trials report, and what became of those whose runs have ended."""
    with db.reading() as session:
        running = stored.running(session, sweep.id)
        by_id = stored.runs_of(session, [trial.run_id for trial in running if trial.run_id])
    for trial in running:
        with logs.kept_going("trials", f"{sweep.id}/{trial.number}"):
            run = by_id.get(trial.run_id or "")
            if run is not None and run.status in RUN_MOVING:
                _follow(trial, run, spec)
            elif run is not None:
                _record(sweep, spec, trial, run)
            elif trial.run_id is not None:
                _end(trial, "failed", DELETED)


def _follow(trial: SweepTrial, run: Run, spec: SweepSpec) -> None:
    with db.reading() as session:
        new = _new_steps(session, trial, spec)
        if not new:
            return
        tokens = _tokens(session, run)
    with db.session() as session:
        stored.move(session, trial, RUNNING, steps=trial.steps | new, tokens=tokens)


def _new_steps(session: Session, trial: SweepTrial, spec: SweepSpec) -> dict[str, float]:
    """What the first objective came to at evaluations since the last look."""
    metric = spec.objectives[0].metric
    if metric in (TASTE, *outcomes.COSTS) or trial.run_id is None:
        return {}
    last = max(map(int, trial.steps), default=-1)
    return {str(step): value for step, value in stored_runs.curve(session, trial.run_id, metric, first=last + 1)}


def _tokens(session: Session, run: Run) -> int | None:
    value = stored.last_values(session, [run.id], outcomes.TOKENS_METRIC).get(run.id)
    return None if value is None else int(value)


def _record(sweep: Sweep, spec: SweepSpec, trial: SweepTrial, listed: Run) -> None:
    """The end of a trial whose run has ended."""
    with db.reading() as session:
        run = session.get(Run, listed.id)
        if run is None or run.status in RUN_MOVING:
            return  # somebody has just resumed it
        known: dict[str, Any] = {
            "steps": trial.steps | _new_steps(session, trial, spec),
            "tokens": _tokens(session, run),
            "run": run,
        }
        if run.status == RunStatus.SUCCEEDED:
            try:
                values = outcomes.values(session, run, spec.objectives)
            except RefusedError as error:
                return _end(trial, "failed", str(error), **known)
    if run.status == RunStatus.SUCCEEDED:
        _end(trial, "complete", values=None if values is None else list(values), **known)
    elif sweep.status == SweepStatus.STOPPING and run.status != RunStatus.FAILED:
        _end(trial, "failed", ENDED_WITH_SWEEP, **known)
    else:
        _end(trial, "failed", run.error or (BY_HAND if run.status == RunStatus.STOPPED else run.status.value), **known)


def put_away(sweep: Sweep) -> bool:
    """Ends the runs of pruned trials at once and takes away their checkpoints; says whether nothing is left to do."""
    with db.reading() as session:
        waiting = [trial for trial in stored.not_put_away(session, sweep.id) if trial.state != RUNNING]
        by_id = stored.runs_of(session, [trial.run_id for trial in waiting if trial.run_id])
    left = 0
    for trial in waiting:
        left += 1
        with logs.kept_going("trials", f"{sweep.id}/{trial.number}"):
            run = by_id.get(trial.run_id or "")
            if run is not None and run.status in RUN_MOVING:
                kill(run)
            else:
                _remove_checkpoints(trial)
                left -= 1
    return not left


def kill(run: Run) -> None:
    """Ends a run without waiting for its next checkpoint. What follows runs sees it stopped in this round."""
    with contextlib.suppress(ConflictError):  # it has just ended by itself
        runs.stop_run(run.id)
    process.kill(home.run_folder(run.id))


def _remove_checkpoints(trial: SweepTrial) -> None:
    if trial.run_id is not None:
        folder = home.run_folder(trial.run_id)
        for path in (checkpoints.folder_of(folder), folder / "quarantine"):
            trash.discard(path)
    with db.session() as session:
        stored.move(session, trial, trial.state, is_put_away=True)


def stop(sweep: Sweep) -> int:
    """Stops the runs of a sweep that is to end; each saves a checkpoint. Returns how many trials still run."""
    with db.reading() as session:
        running = stored.running(session, sweep.id)
        begun = {trial.number: _run_of(session, trial) for trial in running}
    for trial in running:
        run = begun[trial.number]
        if run is None:
            _end(trial, "failed", ENDED_WITH_SWEEP)
        elif trial.run_id is None:  # the studio was killed before it wrote down that it had begun it
            with db.session() as session:
                stored.move(session, trial, RUNNING, run_id=run.id, started_at=run.created_at)
        if run is not None and run.status in RUN_MOVING and run.status != RunStatus.STOPPING:
            with contextlib.suppress(ConflictError):
                runs.stop_run(run.id)
    return sum(run is not None for run in begun.values())


def _run_of(session: Session, trial: SweepTrial) -> Run | None:
    if trial.run_id is not None:
        return stored_runs.get(session, trial.run_id)
    return stored_runs.by_idempotency_key(session, key(trial))


def waiting_for_judgement(rows: Sequence[SweepTrial]) -> dict[int, int]:
    """Number -> last step, of running trials of the search with an evaluation that the pruner has not judged."""
    last = {row.number: max(map(int, row.steps), default=-1) for row in rows}
    return {
        row.number: last[row.number]
        for row in rows
        if row.state == RUNNING and row.phase == "search" and last[row.number] > row.judged_step
    }
