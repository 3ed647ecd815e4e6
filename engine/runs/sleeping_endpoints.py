"""Idle endpoints make room for a training, and are woken after it: only where a person has set that.

Before a run starts, the endpoints on its device that nobody has asked for so many minutes, and that write no answer,
are sent to sleep; the run waits until their memory is free, at most PATIENCE_SECONDS. A request wakes an endpoint at
any time, also while the run trains. `tick` wakes those that still sleep when no run trains on their device any more.
"""

import time

from sqlmodel import Session, select

from engine.errors import TunesmithError
from engine.process import devices, logs
from engine.process.answers import Answers
from engine.serve import idle, probe, routing
from engine.serve.waking import sleeping
from storage import db, endpoints
from storage.queued import state
from storage.statuses import RUN_ALIVE, EndpointStatus, RunStatus
from storage.tables import Backend, Endpoint, Lease, PoliteSleep, Run

PATIENCE_SECONDS = 60.0

_loads: Answers[int | None] = Answers("sleeping")  # by run and backend: answers it is writing


def made_room(run: Run, device: str) -> bool:
    """Whether the run may start now: nobody sleeps for trainings, or who is to sleep for this one does."""
    with db.reading() as session:
        minutes = state.current(session).sleep_idle_minutes
        if minutes is None:
            return True
        pairs = [pair for pair in endpoints.live(session) if _may_sleep(*pair, device, minutes)]
    asked_all = all([_asked(run, endpoint, backend) for endpoint, backend in pairs])
    return asked_all and not _are_falling_asleep(run)


def _may_sleep(endpoint: Endpoint, backend: Backend, device: str, minutes: float) -> bool:
    if backend.kind == "external" or backend.status != EndpointStatus.READY or endpoint.canary_backend_id is not None:
        return False
    shares = set(devices.parts(backend.device or "")) & set(devices.parts(device))
    return bool(shares) and idle.unasked_seconds(endpoint, backend) > minutes * 60


def _asked(run: Run, endpoint: Endpoint, backend: Backend) -> bool:
    """Sends an endpoint to sleep if it writes no answer; whether that is known and done."""
    load = _loads.to(f"{run.id} {backend.id}", lambda: probe.in_flight(str(backend.address)))
    if load is None:
        return False
    if load.value == 0:
        _send_to_sleep(run, endpoint.id, backend)
    return True


def _send_to_sleep(run: Run, endpoint_id: str, backend: Backend) -> None:
    with db.session() as session:
        endpoint = endpoints.get(session, endpoint_id)
        if endpoint is None or endpoint.stopped_at is not None or endpoint.active_backend_id != backend.id:
            return
        if idle.begin(session, endpoint, backend, f"made room for the training `{run.name}`"):
            session.merge(PoliteSleep(endpoint_id=endpoint.id, run_id=run.id))
    routing.forget()


def _are_falling_asleep(run: Run) -> bool:
    """Whether an endpoint that makes room for this run still holds its memory, and not for too long."""
    with db.reading() as session:
        for row in state.polite_sleeps(session):
            endpoint = endpoints.get(session, row.endpoint_id)
            backend = endpoints.backend(session, endpoint.active_backend_id) if endpoint else None
            is_new = row.run_id == run.id and time.time() - row.since < PATIENCE_SECONDS
            if is_new and backend is not None and backend.status == EndpointStatus.DRAINING:
                return True
    return False


def tick() -> None:
    """Wakes the endpoints whose training is over. Costs one query while none sleeps for a training."""
    with db.reading() as session:
        rows = state.polite_sleeps(session)
    for row in rows:
        with logs.kept_going("queue", row.endpoint_id):
            _look_after(row)


def _look_after(row: PoliteSleep) -> None:
    with db.session() as session:
        kept = session.get(PoliteSleep, row.endpoint_id)
        endpoint = endpoints.get(session, row.endpoint_id)
        if kept is None or endpoint is None:
            return
        if endpoint.asleep_at is not None:
            if (run_id := _sleeps_for(session, kept, endpoint)) is not None:
                kept.run_id = run_id
                return
            if _still_drains(session, endpoint):
                return  # to be woken when it sleeps
        session.delete(kept)
    if endpoint.asleep_at is not None:
        try:
            sleeping.wake(endpoint.id)
        except TunesmithError as error:  # stopped meanwhile
            logs.about("queue", endpoint.id).info("not woken after the training: %s", error)


def _sleeps_for(session: Session, row: PoliteSleep, endpoint: Endpoint) -> str | None:
    """The run it makes room for: the one it did before, or another that trains there now; None when that is over."""
    run = session.get(Run, row.run_id)
    if run is not None and run.status in RUN_ALIVE:
        return run.id
    if run is not None and run.status == RunStatus.QUEUED and time.time() - row.since < 2 * PATIENCE_SECONDS:
        return run.id  # about to start
    backend = endpoints.backend(session, endpoint.active_backend_id)
    needed = set(devices.parts((backend.device if backend else None) or devices.CPU))
    leases = session.exec(select(Lease).where(Lease.holder_kind == "run")).all()
    return next((lease.holder_id for lease in leases if needed & set(devices.parts(lease.device))), None)


def _still_drains(session: Session, endpoint: Endpoint) -> bool:
    backend = endpoints.backend(session, endpoint.active_backend_id)
    return backend is not None and backend.status == EndpointStatus.DRAINING
