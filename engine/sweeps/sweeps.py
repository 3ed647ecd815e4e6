"""Sweeps: what a person does with them, and what is shown of them. `tick` moves them on.

queued -> running -> succeeded | failed          running -> stopping -> stopped | failed
   ▲ what was stopped or has failed is resumed; what is over goes on with more trials, in full, or those that failed
"""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.existing import existing
from engine.names import LONGEST
from engine.recipes import provenance
from engine.recipes.provenance import Source
from engine.recipes.recipe import parse
from engine.runs import runs, supervision
from engine.sweeps import trial_recipes
from engine.sweeps.life import next_step, studies
from engine.sweeps.life.creating import create as create
from engine.sweeps.life.next_step import ENDED_WITH_SWEEP
from engine.sweeps.life.trials import RUNNING
from engine.sweeps.picture import Picture
from engine.sweeps.spec import MOST_TRIALS, SweepSpec
from engine.sweeps.study import Trial, best
from storage import db
from storage import runs as stored_runs
from storage.statuses import RUN_RESUMABLE, SWEEP_MOVING, RunStatus, SweepStatus
from storage.sweeps import sweeps as stored
from storage.sweeps import trials as stored_trials
from storage.sweeps.trials import New
from storage.tables import Run, Sweep, TrialPick

ENDED = (SweepStatus.SUCCEEDED, SweepStatus.FAILED, SweepStatus.STOPPED)


def look_up(sweep_id: str) -> Sweep:
    """Raises NotFoundError."""
    with db.reading() as session:
        return existing(session, Sweep, sweep_id)


def stop(sweep_id: str) -> Sweep:
    """Ends it; trials that train save a checkpoint first, and go on from there when it is resumed.

    Asking twice is no error. Raises NotFoundError; ConflictError when it has ended already.
    """
    with db.session() as session:
        sweep = existing(session, Sweep, sweep_id)
        if sweep.status in ENDED:
            raise ConflictError(f"The sweep `{sweep.name}` has ended already ({sweep.status.value}).")
        stored.move(session, sweep_id, sweep.status, SweepStatus.STOPPING, question=None)
    return look_up(sweep_id)


def resume(sweep_id: str) -> Sweep:
    """Goes on with a sweep that was stopped or has failed. Failures before this do not count any more.

    Raises NotFoundError; ConflictError when it is under way or over, or the disk is nearly full.
    """
    supervision.check_space()
    with db.session() as session:
        sweep = existing(session, Sweep, sweep_id)
        if sweep.status not in (SweepStatus.STOPPED, SweepStatus.FAILED):
            hint = "Only a sweep that was stopped or has failed can be resumed. `more` adds trials to one that is over."
            raise ConflictError(f"The sweep `{sweep.name}` is {sweep.status.value}.", hint)
        after_extra = {"stage": "finish" if sweep.reason else "search"} if sweep.stage == "extra" else {}
        _reopen(session, sweep, **after_extra)
        _take_up_stopped(session, sweep)
    return look_up(sweep_id)


def more(sweep_id: str, trials: int) -> Sweep:
    """Goes on with so many further trials. Of a sweep that is over, they alone say when it ends: not time or tokens.

    Raises NotFoundError, RefusedError; ConflictError while it stops, or runs without a number of trials.
    """
    supervision.check_space()
    with db.session() as session:
        sweep = existing(session, Sweep, sweep_id)
        rows = stored_trials.of_sweep(session, sweep_id)
        done = sum(row.phase == "search" and row.state != "refused" and row.reason != ENDED_WITH_SWEEP for row in rows)
        if sweep.status == SweepStatus.STOPPING:
            raise ConflictError(f"The sweep `{sweep.name}` is stopping.", "Wait until it has stopped.")
        if sweep.status in SWEEP_MOVING and sweep.goal is None:
            hint = "Wait until its time or its tokens are used up, then add trials."
            raise ConflictError(f"The sweep `{sweep.name}` runs without a number of trials.", hint)
        moves = sweep.status in SWEEP_MOVING
        goal = (sweep.goal or 0) + trials if moves else done + trials
        if trials < 1 or goal > MOST_TRIALS:
            hint = f"Add 1 to {max(1, MOST_TRIALS - goal + trials)}: a sweep has at most {MOST_TRIALS:,} trials."
            raise RefusedError(f"{trials:,} trials cannot be added to `{sweep.name}`.", hint)
        if not moves:
            _reopen(session, sweep, is_lifted=True)
            _take_up_stopped(session, sweep)
        changed = existing(session, Sweep, sweep_id)
        changed.goal, changed.stage, changed.reason = goal, "search", ""
    return look_up(sweep_id)


def train_in_full(sweep_id: str, numbers: Sequence[int]) -> Sweep:
    """Trains these trials of the search in full, whatever made them shorter: a cheaper training, or the pruner.

    Raises NotFoundError, RefusedError for trials that were trained in full already.
    """
    supervision.check_space()
    with db.session() as session:
        sweep = existing(session, Sweep, sweep_id)
        spec, rows = studies.spec_of(sweep), stored_trials.of_sweep(session, sweep_id)
        chosen = next_step.named(studies.plain(rows), numbers)
        if missing := set(numbers) - {trial.number for trial in chosen}:
            raise NotFoundError(f"The sweep `{sweep.name}` has no trial {min(missing)}.", "Choose one of its trials.")
        again = {row.of for row in rows if row.phase == "full" and row.state in (RUNNING, "complete")}
        for trial in chosen:
            _refuse_in_full(spec, trial, again)
        if not chosen:
            raise RefusedError("No trial was named.", "Name at least one trial by its number.")
        _set_at_work(session, sweep)
        stored_trials.add(session, sweep_id, [New(dict(trial.params), "full", trial.number) for trial in chosen])
    return look_up(sweep_id)


def _refuse_in_full(spec: SweepSpec, trial: Trial, again: set[int | None]) -> None:
    if trial.phase != "search" or trial.state not in ("complete", "pruned"):
        hint = "Choose trials of the search that have finished or were pruned."
        raise RefusedError(f"Trial {trial.number} cannot be trained in full: it is {trial.state}.", hint)
    if trial.number in again or (spec.proxy is None and trial.state == "complete"):
        raise RefusedError(f"Trial {trial.number} was trained in full already.", "Choose another one.")


def rerun_failed(sweep_id: str) -> Sweep:
    """Tries the failed trials again, each with the settings it had, and nothing else.

    Raises NotFoundError, ConflictError when none has failed or it is stopping.
    """
    supervision.check_space()
    with db.session() as session:
        sweep = existing(session, Sweep, sweep_id)
        failed = [row for row in stored_trials.of_sweep(session, sweep_id) if row.state == "failed"]
        if not failed:
            raise ConflictError(f"No trial of the sweep `{sweep.name}` has failed.", "There is nothing to try again.")
        _set_at_work(session, sweep)
        fresh: dict[str, Any] = {
            "state": RUNNING,
            "run_id": None,
            "steps": {},
            "judged_step": -1,
            "values": None,
            "tokens": None,
        }
        fresh |= {"reason": "", "is_put_away": False, "started_at": None, "ended_at": None}
        for row in failed:
            stored_trials.move(session, row, "failed", **fresh, tries=row.tries + 1)
    return look_up(sweep_id)


def _set_at_work(session: Session, sweep: Sweep) -> None:
    """Has a sweep that is over do what comes now, and nothing else. Raises ConflictError while it stops."""
    if sweep.status == SweepStatus.STOPPING:
        raise ConflictError(f"The sweep `{sweep.name}` is stopping.", "Wait until it has stopped.")
    if sweep.status in ENDED:
        _reopen(session, sweep, stage="extra")


def _reopen(session: Session, sweep: Sweep, **changes: Any) -> None:
    name = sweep.name
    if not stored.reopen(session, sweep, **changes):
        raise ConflictError(f"The sweep `{name}` has just changed.", "Look at it again.")


def _take_up_stopped(session: Session, sweep: Sweep) -> None:
    """The trials that ended with the sweep go on from their checkpoints, in the same transaction."""
    for row in stored_trials.of_sweep(session, sweep.id):
        if row.state != "failed" or row.reason != ENDED_WITH_SWEEP:
            continue
        run = stored_runs.get(session, row.run_id) if row.run_id else None
        fresh: dict[str, Any] = {"state": RUNNING, "reason": "", "is_put_away": False, "ended_at": None}
        if run is None and row.run_id is not None:  # deleted meanwhile: it begins anew
            fresh |= {"run_id": None, "steps": {}, "judged_step": -1, "tries": row.tries + 1}
        if run is not None and run.status in RUN_RESUMABLE:
            supervision.requeue(session, run, "resumed with its sweep")
        stored_trials.move(session, row, "failed", **fresh)


def train_on(
    sweep_id: str, number: int | None = None, max_steps: int | None = None, epochs: float | None = None
) -> Run:
    """Trains the result of a trial on, for longer: a run of its own that begins with its weights. The best by default.

    Raises NotFoundError, RefusedError.
    """
    with db.reading() as session:
        sweep = existing(session, Sweep, sweep_id)
        spec = studies.spec_of(sweep)
        trials = studies.of_sweep(session, sweep, spec)
        trial = best_of(spec, trials) if number is None else next((one for one in trials if one.number == number), None)
        run = stored_runs.get(session, trial.run_id) if trial is not None and trial.run_id else None
    if trial is None or run is None or run.status != RunStatus.SUCCEEDED:
        which = "has no finished trial" if number is None else f"has no finished trial {number}"
        raise RefusedError(f"The sweep `{sweep.name}` {which}.", "Choose a trial that is complete and not deleted.")
    recipe = trial_recipes.of(spec, trial.params, "full")
    longer: dict[str, Any] = {"start_from": run.id}
    longer |= {} if max_steps is None else {"max_steps": max_steps}
    longer |= {} if epochs is None else {"num_train_epochs": epochs, "max_steps": -1}
    source = Source(dict.fromkeys(trial.params, provenance.SWEEP), repeats=run.id)
    name = f"{sweep.name}: trial {trial.number}, trained on"[-LONGEST:]
    return runs.start_run(name, parse(recipe.model_dump() | longer), sweep.project_id, source=source)


def pick(sweep_id: str, better: int, worse: int, alike: bool = False) -> None:
    """Keeps what a person says of two trials' answers. Raises NotFoundError, RefusedError."""
    with db.session() as session:
        sweep = existing(session, Sweep, sweep_id)
        if not studies.is_by_taste(studies.spec_of(sweep)):
            raise RefusedError(f"The sweep `{sweep.name}` is not judged by taste.", "Its metric says which is better.")
        complete = {row.number for row in stored_trials.of_sweep(session, sweep_id) if row.state == "complete"}
        if better == worse or not {better, worse} <= complete:
            hint = "Choose two different trials that have finished."
            raise RefusedError(f"Trials {better} and {worse} cannot be compared.", hint)
        session.add(TrialPick(sweep_id=sweep_id, winner=better, loser=worse, is_alike=alike))


def best_of(spec: SweepSpec, trials: tuple[Trial, ...]) -> Trial | None:
    """The best of those that were trained in full after a cheaper search, else of the search."""
    direction = spec.objectives[0].direction
    in_full = tuple(trial.model_copy(update={"phase": "search"}) for trial in trials if trial.phase == "full")
    first = best(in_full, direction) or best(trials, direction)
    return next((trial for trial in trials if first is not None and trial.number == first.number), None)


def picture(sweep_id: str) -> Picture:
    """Everything a page shows of it. Raises NotFoundError."""
    with db.reading() as session:
        sweep = existing(session, Sweep, sweep_id)
        return _picture(session, sweep)


def _picture(session: Session, sweep: Sweep) -> Picture:
    spec = studies.spec_of(sweep)
    return Picture(
        id=sweep.id, name=sweep.name, status=sweep.status.value, spec=spec, error=sweep.error or "",
        trials=studies.of_sweep(session, sweep, spec), created_at=sweep.created_at, ended_at=sweep.ended_at,
        picks=studies.picks(session, sweep), goal=sweep.goal, hint=sweep.hint or "", reason=sweep.reason,
    )  # fmt: skip
