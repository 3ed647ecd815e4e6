"""The queue as a person sees it: what runs, what waits, and what each of those waits for, in words with a remedy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlmodel import Session, select

from engine.process import devices
from storage import db, moving, runs
from storage.queued import followers, order, state
from storage.statuses import RunStatus
from storage.tables import Lease, QueueState, Run

Kind = Literal["device", "paused", "turn", "after", "blocked", "dataset", "model"]


@dataclass(frozen=True)
class Wait:
    """What a queued run waits for. `remedy` is empty where there is nothing to do but to wait."""

    kind: Kind
    words: str
    remedy: str = ""


@dataclass(frozen=True)
class Waiting:
    """A queued run at its place, counted from 1."""

    run: Run
    place: int
    wait: Wait
    after_name: str | None  # of the run it starts after; None where there is none, or it was deleted


@dataclass(frozen=True)
class Queue:
    """A page of the queue, and all that runs."""

    settings: QueueState
    running: Sequence[Run]
    waiting: Sequence[Waiting]
    total: int


def look(limit: int = 100, offset: int = 0) -> Queue:
    """The queue now: `limit` of the runs that wait, from place `offset` + 1 on, and everything that runs."""
    with db.reading() as session:
        settings = state.current(session)
        waiting = order.waiting(session, limit, offset)
        others = _others(session, waiting)
        next_id = moving.first_run(session)
        holders = _training_names(session)
        running, total = order.alive(session), order.count_waiting(session)
    rows = []
    for place, run in enumerate(waiting, offset + 1):
        other = others.get(run.after_run_id or "")
        wait = _hold(run, other) or _turn(run, settings, next_id, holders)
        rows.append(Waiting(run, place, wait, other.name if other else None))
    return Queue(settings, running, rows, total)


def wait_of(run: Run) -> Wait:
    """What one queued run waits for."""
    with db.reading() as session:
        other = _others(session, [run]).get(run.after_run_id or "")
        settings, next_id = state.current(session), moving.first_run(session)
        holders = _training_names(session)
    return _hold(run, other) or _turn(run, settings, next_id, holders)


@dataclass(frozen=True)
class _Other:
    """The run that another one starts after."""

    name: str
    status: RunStatus


def _others(session: Session, waiting: Sequence[Run]) -> Mapping[str, _Other]:
    ids = {run.after_run_id for run in waiting if run.after_run_id}
    if not ids:
        return {}
    rows = session.exec(select(Run.id, Run.name, Run.status).where(Run.id.in_(ids)))  # type: ignore[attr-defined]
    return {id: _Other(name, RunStatus(status)) for id, name, status in rows}


def _training_names(session: Session) -> Sequence[str]:
    """Who has a device for itself, as a person calls it."""
    leases = session.exec(select(Lease).where(Lease.exclusive)).all()
    names = runs.names(session, [lease.holder_id for lease in leases])
    return [f"`{names[lease.holder_id]}`" if lease.holder_id in names else "a measurement" for lease in leases]


_ENDED = {
    RunStatus.FAILED: "has failed",
    RunStatus.STOPPED: "was stopped",
    RunStatus.INTERRUPTED: "was interrupted",
}


def _hold(run: Run, other: _Other | None) -> Wait | None:
    """Why it may not start, whatever is free."""
    match run.hold:
        case followers.AFTER:
            condition = ", if that succeeds" if run.after_success else ""
            return Wait("after", f"The end of `{other.name}`{condition}." if other else "The end of another run.")
        case followers.BLOCKED:
            return _blocked(other)
        case followers.DATASET:
            return Wait("dataset", "Its dataset is being imported.", "The Data page shows how far it is.")
        case followers.MODEL:
            return Wait("model", "Its model is being fetched.", "The Models page shows how far it is.")
    return None


def _blocked(other: _Other | None) -> Wait:
    if other is None:
        words = "Blocked: the run that it starts after was deleted and had not succeeded."
        return Wait("blocked", words, "Start it anyway, or choose another run to wait for.")
    words = f"Blocked: `{other.name}` {_ENDED.get(other.status, 'has ended')}, and this run starts only if it succeeds."
    return Wait("blocked", words, f"Resume `{other.name}`, or start this one anyway.")


def _turn(run: Run, settings: QueueState, next_id: str | None, holders: Sequence[str]) -> Wait:
    """It may start, and is not first, or has no device."""
    if settings.paused_at is not None:
        return Wait("paused", "The queue is paused.", "Press Go on.")
    if run.id != next_id:
        return Wait("turn", "Its turn: others stand before it.")
    if holders:
        return Wait("device", f"A free device: {' and '.join(holders)} {'use' if len(holders) > 1 else 'uses'} it.")
    return Wait("device", f"A free device, of {', '.join(devices.on_this_machine())}.")
