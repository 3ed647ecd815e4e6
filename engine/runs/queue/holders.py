"""Who holds the devices and the memory of this machine now, as far as that is known, and how each can be freed.

A training and a measurement have a device for themselves; endpoints, evaluations and the like share one; an export and
work on data compute on the CPU beside them. A chat holds nothing of its own: an endpoint answers it. Memory is what the
processes have resident; on a GPU what the driver says of them (engine.process.device_memory).
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sqlmodel import Session, col, select

from engine.process import device_memory, footprint, machine
from engine.process.work_kinds import KINDS
from storage import db, endpoints, home, runs
from storage.queued import order
from storage.statuses import RUN_ALIVE, SERVING_MOVING, EndpointStatus, WorkStatus
from storage.tables import Backend, Evaluation, Lease, Work

KEPT_SECONDS = 2.0  # a look goes through all processes of the machine: one answers for all that ask meanwhile

Free = Literal["stop_run", "stop_endpoint", "sleep_endpoint", "stop_work", "stop_evaluation"]


@dataclass(frozen=True)
class Holder:
    """Somebody who computes. `id`, of the run, endpoint, evaluation or work, is what its link and the acts take."""

    kind: str  # training | endpoint | evaluation | export | measurement | work
    id: str
    name: str
    status: str
    device: str  # cpu, gpu:0, gpu:0,gpu:1
    exclusive: bool
    memory_bytes: int | None  # of the machine; None: not known
    device_memory_bytes: int | None  # of its GPUs; None: not known, or on the CPU
    since: float | None
    free: Sequence[Free]


@dataclass(frozen=True)
class Device:
    """One device with those who compute on it."""

    name: str
    memory_bytes: int
    free_bytes: int | None  # None: not known
    holders: Sequence[Holder] = field(default_factory=tuple)


class _Look:
    """The last look, for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at, self._home, self._found = 0.0, "", list[Holder]()

    def holders(self) -> list[Holder]:
        with self._lock:
            place = str(home.home())
            if place != self._home or time.monotonic() - self._at > KEPT_SECONDS:
                self._found = _holders()
                self._at, self._home = time.monotonic(), place
            return self._found

    def forget(self) -> None:
        with self._lock:
            self._at, self._home = 0.0, ""


_look = _Look()


def by_device() -> list[Device]:
    """Every device of this machine with its holders, at most KEPT_SECONDS old."""
    found = _look.holders()
    return [
        Device(name, total, free, [holder for holder in found if name in holder.device.split(",")])
        for name, total, free in _devices()
    ]


def forget() -> None:
    """Somebody was stopped: the next look is a new one."""
    _look.forget()


def _devices() -> list[tuple[str, int, int | None]]:
    """Name, memory and free memory. The machine's own memory is always among them: data is read into it."""
    gpus = [(gpu.name, gpu.memory_bytes, device_memory.free_bytes(gpu.name)) for gpu in machine.visible_gpus()]
    total, free = machine.host_memory_bytes(), machine.free_memory_bytes()
    return [*gpus, ("cpu", total, free)]


@dataclass(frozen=True)
class _Found:
    """What the database knows of a holder; its memory is asked outside the transaction."""

    kind: str
    id: str
    name: str
    status: str
    device: str
    exclusive: bool
    since: float | None
    free: Sequence[Free]
    folder: Path


def _holders() -> list[Holder]:
    with db.reading() as session:
        leases = {lease.holder_id: lease for lease in session.exec(select(Lease)).all()}
        found = [one for look in _LOOKS for one in look(session, leases)]
    measured = []
    for one in found:
        memory = footprint.memory_bytes(one.folder)
        on_gpu = device_memory.used_bytes(footprint.pids(one.folder)) if one.device != "cpu" else None
        measured.append(
            Holder(
                one.kind, one.id, one.name, one.status, one.device, one.exclusive, memory, on_gpu, one.since, one.free
            )
        )
    return sorted(measured, key=lambda holder: (not holder.exclusive, holder.since or 0.0))


Leases = dict[str, Lease]


def _device_of(leases: Leases, holder_id: str, otherwise: str | None) -> tuple[str, bool]:
    lease = leases.get(holder_id)
    return (lease.device, lease.exclusive) if lease else (otherwise or "cpu", False)


def _trainings(session: Session, leases: Leases) -> list[_Found]:
    return [
        _Found(
            "training",
            run.id,
            run.name,
            run.status,
            *_device_of(leases, run.id, run.device),
            run.started_at,
            ("stop_run",) if run.status in RUN_ALIVE else (),
            home.run_folder(run.id),
        )
        for run in order.alive(session)
    ]


def _endpoints(session: Session, leases: Leases) -> list[_Found]:
    kept = [pair for pair in endpoints.kept(session, SERVING_MOVING) if pair[1].kind != "external"]
    return [
        _Found(
            "endpoint",
            endpoint.id,
            endpoint.name,
            backend.status,
            *_device_of(leases, backend.id, backend.device),
            backend.ready_at,
            _freeing(backend, endpoint.active_backend_id == backend.id),
            home.backend_folder(backend.id),
        )
        for endpoint, backend in kept
        if backend.status != EndpointStatus.QUEUED
    ]


def _freeing(backend: Backend, is_active: bool) -> Sequence[Free]:
    if backend.status == EndpointStatus.DRAINING:
        return ()  # on its way already
    may_sleep = is_active and backend.status is EndpointStatus.READY
    return ("sleep_endpoint", "stop_endpoint") if may_sleep else ("stop_endpoint",)


def _works(session: Session, leases: Leases) -> list[_Found]:
    works = session.exec(select(Work).where(Work.status == WorkStatus.RUNNING).order_by(col(Work.created_at))).all()
    names = runs.names(session, [work.subject_id for work in works])
    rows = session.exec(
        select(Evaluation.work_id, Evaluation.id, Evaluation.name).where(
            col(Evaluation.work_id).in_([work.id for work in works])
        )
    )
    evaluations = {work_id: (id, name) for work_id, id, name in rows}
    found = []
    for work in works:
        label = KINDS[work.kind].label if work.kind in KINDS else work.kind
        kind, free = _kind_of(work)
        id, name = evaluations.get(work.id, (work.id, f"{label} of {names.get(work.subject_id, work.subject_id)}"))
        device = _device_of(leases, work.id, None)
        found.append(_Found(kind, id, name, work.status, *device, work.created_at, free, home.work_folder(work.id)))
    return found


def _kind_of(work: Work) -> tuple[str, Sequence[Free]]:
    """What a person calls it, and how it ends. An evaluation steps aside for a training by itself."""
    if work.kind == "evaluate":
        return "evaluation", ("stop_evaluation",)
    if work.kind.startswith("export") or work.kind == "push_export":
        return "export", ("stop_work",)
    return ("measurement" if KINDS[work.kind].device == "alone" else "work") if work.kind in KINDS else "work", (
        "stop_work",
    )


_LOOKS: tuple[Callable[[Session, Leases], list[_Found]], ...] = (_trainings, _endpoints, _works)
