"""Who computes where. A lease is a row: given out here, taken back here, in the caller's transaction.

A training takes a device for itself (an exclusive lease), or several at once, all or none, so that no two trainings
wait for each other's: `device` then names them all, gpu:0,gpu:1. What serves takes a shared one, so that an
endpoint which lives for weeks never stands in the way of the queue. Without a GPU the CPU is the one device. What
becomes of a holder that vanished is no question: `tick` gives back every lease whose run or backend is not alive any
more.
"""

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from sqlmodel import Session, col, select

from engine.errors import ConflictError
from engine.process import process
from storage import db
from storage.statuses import RUN_ALIVE, SERVING_MOVING, WORK_MOVING
from storage.tables import Backend, Lease, Run, Work

CPU = "cpu"


class Inventory:
    """The graphics cards of this machine, a line each, as the driver told.

    Asked at the first need, and never in a transaction: that may take seconds. The cards stay; that a driver gave no
    answer is not remembered for ever, `refresh` asks it again.
    """

    def __init__(self, ask: Callable[[], tuple[str, ...] | None]) -> None:
        self._ask, self._lock = ask, threading.Lock()
        self._cards: tuple[str, ...] | None = None
        self._asked = False

    def cards(self) -> tuple[str, ...]:
        """Those that are known. Whoever comes first waits for the driver, and so do those who come meanwhile."""
        with self._lock:
            if not self._asked:
                self._cards, self._asked = self._ask(), True
            return self._cards or ()

    def refresh(self) -> None:
        """Asks again where there has been no answer yet."""
        if self._cards is None:
            cards = self._ask()
            with self._lock:
                self._cards, self._asked = cards, True


def on_this_machine() -> tuple[str, ...]:
    """The devices of this machine: gpu:0, gpu:1 ..., or cpu when there is none that torch here could use."""
    return tuple(f"gpu:{index}" for index in _visible(inventory.cards())) or (CPU,)


def refresh() -> None:
    """Asks the driver again if it has not answered yet. Takes seconds, so for a thread that nobody waits for."""
    inventory.refresh()


def _visible(gpus: tuple[str, ...]) -> list[str]:
    """Those that CUDA_VISIBLE_DEVICES leaves, by index; it may name them by index or by the start of a UUID."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    cards = [row.partition(",")[::2] for row in gpus]
    if names is None:
        return [index for index, _ in cards]
    visible = [name.strip() for name in names.split(",") if name.strip()]
    return [index for index, uuid in cards if any(index == name or uuid.strip().startswith(name) for name in visible)]


def _ask_driver() -> tuple[str, ...] | None:
    """The cards, without torch, whose import takes seconds. None when there is a driver and it does not answer."""
    if "+cpu" in _torch_version() or shutil.which("nvidia-smi") is None:
        return ()
    listing = process.output(["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"])
    return None if listing is None else tuple(line.strip() for line in listing.splitlines() if line.strip())


def _torch_version() -> str:
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "+cpu"


inventory = Inventory(_ask_driver)


@dataclass(frozen=True)
class DeviceRequest:
    """What somebody wants to compute on: a device for itself or a shared one, or several for itself."""

    holder_kind: str  # run | backend | work
    holder_id: str
    exclusive: bool
    count: int = 1


def take(session: Session, machine: Sequence[str], request: DeviceRequest) -> str | None:
    """Devices out of those of the machine (`on_this_machine`, asked before the transaction), separated by commas.

    None when the holder has to wait; what it has already, when it asks again.
    Raises ConflictError when the machine has fewer than wanted at all: waiting would be for ever.
    """
    lease = session.get(Lease, request.holder_id)
    if lease:
        return lease.device
    device = would_take(session, machine, request)
    if device is None:
        return None
    kind, holder_id, exclusive = request.holder_kind, request.holder_id, request.exclusive
    session.add(Lease(holder_id=holder_id, holder_kind=kind, device=device, exclusive=exclusive))
    session.flush()
    return device


def would_take(session: Session, machine: Sequence[str], request: DeviceRequest) -> str | None:
    """What `take` would give now to somebody who has nothing yet. Takes nothing."""
    if request.count > len(machine):
        hint = "Lower num_processes, or use a machine with more."
        raise ConflictError(f"{request.count} devices are wanted, and this machine has {len(machine)}.", hint)
    return ",".join(_choose(session.exec(select(Lease)).all(), machine, request)) or None


def parts(device: str) -> list[str]:
    """The single devices of a lease: gpu:0 and gpu:1 of gpu:0,gpu:1."""
    return device.split(",")


def _choose(leases: Sequence[Lease], machine: Sequence[str], request: DeviceRequest) -> list[str]:
    """The devices with the fewest leases, or none when there are not as many as wanted.

    One that trains is no choice for a training, the last choice for serving.
    """
    training = {device for lease in leases if lease.exclusive for device in parts(lease.device)}
    load = {device: sum(device in parts(lease.device) for lease in leases) for device in machine}
    choices = [device for device in load if device not in training] if request.exclusive else list(load)
    best = sorted(choices, key=lambda device: (device in training, load[device]))[: request.count]
    return sorted(best, key=choices.index) if len(best) == request.count else []


def give_back(session: Session, holder_id: str) -> None:
    """Ends a lease; nothing happens when there is none."""
    lease = session.get(Lease, holder_id)
    if lease:
        session.delete(lease)
        session.flush()


_HOLDERS = select(Lease).order_by(col(Lease.since))  # asked by every open start page: kept, it is not built anew


def holders_in(session: Session) -> Sequence[Lease]:
    """Who holds what now, longest first."""
    return session.exec(_HOLDERS).all()


def holders() -> Sequence[Lease]:
    """The same, in a transaction of its own."""
    with db.reading() as session:
        return holders_in(session)


def held_by(holder_id: str) -> str | None:
    """The device that somebody holds, if any."""
    with db.reading() as session:
        lease = session.get(Lease, holder_id)
        return lease.device if lease else None


def tick() -> None:
    """Takes back what is held by runs, backends and pieces of work that have ended or are gone."""
    with db.reading() as session:
        idle = [lease.holder_id for lease in session.exec(select(Lease)) if not _is_used(session, lease)]
    if not idle:
        return
    with db.session() as session:
        for holder_id in idle:
            lease = session.get(Lease, holder_id)
            if lease is not None and not _is_used(session, lease):  # it may have begun again meanwhile
                give_back(session, holder_id)


USES: dict[str, tuple[Any, Sequence[str]]] = {
    "run": (Run, RUN_ALIVE),
    "backend": (Backend, SERVING_MOVING),
    "work": (Work, WORK_MOVING),
}


def _is_used(session: Session, lease: Lease) -> bool:
    if lease.holder_kind not in USES:
        return True  # of a kind that only a later studio knows
    table, statuses = USES[lease.holder_kind]
    alive = select(table.id).where(table.id == lease.holder_id, table.status.in_(statuses))
    return session.exec(alive).first() is not None


def worker_device(device: str) -> str:
    """What torch calls it inside the worker, which sees only what it was given: cpu, or cuda:0 for the first process.

    The other processes of the same training count on from there (engine.workers.ranks).
    """
    return CPU if device == CPU else "cuda:0"


def environment(device: str) -> dict[str, str]:
    """What shows a worker its devices and no others."""
    if device == CPU:
        return {}
    indices = ",".join(name.partition(":")[2] for name in parts(device))
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": indices}
