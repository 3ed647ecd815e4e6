"""Moves sweeps on, once a second: what has ended is recorded, the worker with Optuna is asked, trials begin as runs.

    queued -> running -> succeeded | failed          running -> stopping -> stopped | failed

Each step is written down before it is done, and done again where a kill cut it off: a trial is a row before it is a
run, and its run is known by a key; a question is a row before it is asked, and asked until it is answered.
"""

import time
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session

from engine.errors import TunesmithError
from engine.process import devices, rounds
from engine.recipes import launch_command
from engine.sweeps import asking, space
from engine.sweeps.life import next_step, studies, telling, trials
from engine.sweeps.life.next_step import Standing, Step
from engine.sweeps.spec import SweepSpec
from engine.sweeps.study import Advice, Question, Trial
from storage import db
from storage.statuses import SweepStatus
from storage.sweeps import sweeps as stored
from storage.sweeps import trials as stored_trials
from storage.sweeps.trials import New
from storage.tables import Sweep, SweepTrial, new_id

NOUN = "sweeps"
EXHAUSTED = "Every combination was tried."


def tick() -> None:
    """One round over the sweeps that are under way."""
    rounds.each(NOUN, Sweep, stored.moving, _move_on)


def _move_on(sweep: Sweep) -> None:
    try:
        spec = studies.spec_of(sweep)
    except ValidationError:
        _end(sweep, SweepStatus.FAILED, "Another version of the studio made this sweep.", "Use that version.")
        return
    if sweep.status == SweepStatus.QUEUED:
        _begin(sweep)
        return  # the next round goes on
    trials.settle(sweep, spec)
    is_clean = trials.put_away(sweep)
    if sweep.status == SweepStatus.STOPPING:
        _stop(sweep, is_clean)
        return
    if sweep.question is not None:
        _take_advice(sweep, spec)
        trials.put_away(sweep)
    _go_on(sweep.id, spec, is_clean)
    trials.begin(sweep, spec, slots(spec))


def _begin(sweep: Sweep) -> None:
    with db.session() as session:
        stored.move(session, sweep.id, SweepStatus.QUEUED, SweepStatus.RUNNING, started_at=time.time())


def slots(spec: SweepSpec) -> int:
    """How many trials train side by side: as many as were asked for, and as the devices of this machine allow."""
    try:
        each = launch_command.devices_wanted(space.concrete(spec.recipe, {}))
    except TunesmithError:
        each = 1
    return max(1, min(spec.parallel, len(devices.on_this_machine()) // max(1, each)))


def _stop(sweep: Sweep, is_clean: bool) -> None:
    if trials.stop(sweep) == 0 and is_clean:
        status = SweepStatus.FAILED if sweep.error else SweepStatus.STOPPED
        _end(sweep, status, sweep.error or "", sweep.hint or "")


def standing(spec: SweepSpec, sweep: Sweep, plain: tuple[Trial, ...]) -> Standing:
    """How a sweep stands at this moment."""
    since = sweep.started_at or time.time()
    seconds = sweep.seconds_before + time.time() - since
    fields = (sweep.goal, sweep.is_lifted, seconds, since, sweep.reason, slots(spec))
    return Standing(spec, plain, sweep.stage, *fields)  # type: ignore[arg-type]


def _take_advice(sweep: Sweep, spec: SweepSpec) -> None:
    """What the worker has answered: trials that end early, and new ones, written down in one transaction."""
    question: dict[str, Any] = sweep.question or {}
    advice = asking.answer(sweep.id, question["id"])
    if advice is None:
        with db.reading() as session:
            plain = studies.of_sweep(session, sweep, spec)
        asking.ask(sweep.id, _question(spec, plain, question))  # as before, or for a worker that was killed
        return
    if advice.problem:
        _fail(sweep, advice.problem, "Choose another sampler or pruner, or see the studio's log.")
        return
    with db.session() as session:
        if not stored.change(session, sweep.id, question["id"], question=None):
            return
        _prune(session, sweep, spec, advice, question["prune"])
        row = session.get_one(Sweep, sweep.id, populate_existing=True)
        now = standing(spec, row, studies.of_sweep(session, row, spec))
        if row.stage == "search" and not next_step.search_is_over(now):
            count = min(now.free, next_step.room(now))
            stored_trials.add(session, sweep.id, [New(dict(params)) for params in advice.params[:count]])
            if advice.exhausted and not advice.params:
                row.goal, row.reason = len(now.counted), EXHAUSTED


def _prune(session: Session, sweep: Sweep, spec: SweepSpec, advice: Advice, asked: dict[str, int]) -> None:
    for text, step in asked.items():
        number = int(text)
        trial = stored_trials.get(session, sweep.id, number)
        if trial is None or number not in advice.prune:
            continue
        changes: dict[str, Any] = {"judged_step": step}
        if advice.prune[number]:
            reason = f"The {spec.pruner} pruner ended it after step {step}."
            changes |= {"state": "pruned", "reason": reason, "ended_at": time.time()}
        stored_trials.move(session, trial, trials.RUNNING, **changes)


def _go_on(sweep_id: str, spec: SweepSpec, is_clean: bool) -> None:
    with db.reading() as session:
        sweep = stored.get(session, sweep_id)
        if sweep is None or sweep.status != SweepStatus.RUNNING:
            return
        rows = stored_trials.of_sweep(session, sweep_id)
        picks = stored_trials.picks(session, sweep_id) if studies.is_by_taste(spec) else None
    now = standing(spec, sweep, studies.plain(rows, picks))
    step = next_step.after(now)
    if step.end == "failed":
        _fail(sweep, step.error, step.hint, step.reason)
    elif step.end:
        if is_clean:
            _end(sweep, SweepStatus(step.end), made=now.trials)
    elif step.stage or step.begin:
        _write(sweep, step)
    elif sweep.question is None:
        _ask(sweep, now, step, rows)


def _write(sweep: Sweep, step: Step) -> None:
    with db.session() as session:
        changes: dict[str, Any] = {"stage": step.stage} if step.stage else {}
        if step.reason and not sweep.reason:
            changes["reason"] = step.reason
        if stored.change(session, sweep.id, **changes):
            stored_trials.add(session, sweep.id, step.begin)


def _ask(sweep: Sweep, now: Standing, step: Step, rows: Sequence[SweepTrial]) -> None:
    """Puts a question to the worker, if there is one. Who may end early is asked with who comes next in its place."""
    may_prune = now.spec.pruner != "none" and now.is_compared
    prune = trials.waiting_for_judgement(rows) if may_prune else {}
    ask = step.ask
    if prune and not ask and now.stage == "search" and not next_step.search_is_over(now):
        ask = min(len(prune), next_step.room(now))
    if not ask and not prune:
        return
    question = {"id": new_id(), "ask": ask, "prune": {str(number): last for number, last in prune.items()}}
    with db.session() as session:
        if not stored.change(session, sweep.id, question=question):
            return
    asking.ask(sweep.id, _question(now.spec, now.trials, question))


def _question(spec: SweepSpec, plain: tuple[Trial, ...], question: dict[str, Any]) -> Question:
    running = {trial.number for trial in plain if trial.state == trials.RUNNING}
    prune = tuple(int(number) for number in question["prune"] if int(number) in running)
    return Question(id=question["id"], study=studies.study(spec, plain), ask=question["ask"], prune=prune)


def _fail(sweep: Sweep, error: str, hint: str, reason: str = "") -> None:
    """Ends it for a reason; the trials that still run are stopped first."""
    changes = {"error": error, "hint": hint, "question": None} | ({"reason": reason} if reason else {})
    with db.session() as session:
        stored.move(session, sweep.id, SweepStatus.RUNNING, SweepStatus.STOPPING, **changes)


def _end(sweep: Sweep, status: SweepStatus, error: str = "", hint: str = "", made: tuple[Trial, ...] = ()) -> None:
    now = time.time()
    ran = now - sweep.started_at if sweep.started_at is not None else 0.0
    changes = {"ended_at": now, "seconds_before": sweep.seconds_before + ran, "started_at": None, "question": None}
    with db.session() as session:
        if stored.move(session, sweep.id, sweep.status, status, error=error or None, hint=hint or None, **changes):
            telling.tell_end(session, sweep, status, error or sweep.reason, made)
    asking.end(sweep.id)
