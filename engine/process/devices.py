"""Who computes where. A lease is a row: given out here, taken back here, in the caller's transaction.

A training takes a device for itself (an exclusive lease), or several at once, all or none, so that no two trainings
wait for each other's: `device` then names them all, gpu:0,gpu:1. What serves takes a shared one, so that an
endpoint which lives for weeks never stands in the way of the queue. Without a GPU the CPU is the one device. What
becomes of a holder that vanished is no question: `tick` gives back every lease whose run or backend is not alive any
more.
"""

import os
from collections.abc import Sequence
from functools import lru_cache
from importlib import metadata

from sqlmodel import Session, col, select

from engine.errors import ConflictError
from engine.process import process
from storage import db as database
from storage.statuses import RUN_ALIVE, SERVING_MOVING, WORK_MOVING
from storage.tables import Backend, Lease, Run, Work

CPU = "cpu"


def found() -> tuple[str, ...]:
    """The devices of this machine: gpu:0, gpu:1 ..., or cpu when there is none that torch here could use."""
    return tuple(f"gpu:{index}" for index in _visible(_gpus())) or (CPU,)


def _visible(gpus: tuple[str, ...]) -> list[str]:
    """Those that CUDA_VISIBLE_DEVICES leaves, by index; it may name them by index or by the start of a UUID."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    rows = [row.partition(",")[::2] for row in gpus]
    if names is None:
        return [index for index, _ in rows]
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    return [index for index, uuid in rows if any(index == one or uuid.strip().startswith(one) for one in wanted)]


@lru_cache(maxsize=1)
def _gpus() -> tuple[str, ...]:
    """`index, uuid` of each GPU. Asked once: without torch, whose import takes seconds, and graphics cards stay."""
    if "+cpu" in _torch_version():
        return ()
    listing = process.output(["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"])
    return tuple(line.strip() for line in (listing or "").splitlines() if line.strip())


def _torch_version() -> str:
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "+cpu"


def take(db: Session, holder_kind: str, holder_id: str, exclusive: bool, count: int = 1) -> str | None:
    """Devices for a run or backend, separated by commas, or None when it has to wait. Those it has, when it asks again.

    Raises ConflictError when this machine has fewer than `count` at all: waiting would be for ever.
    """
    held = db.get(Lease, holder_id)
    if held:
        return held.device
    if count > len(there := found()):
        hint = "Lower num_processes, or use a machine with more."
        raise ConflictError(f"{count} devices are wanted, and this machine has {len(there)}.", hint)
    device = ",".join(_choose(db.exec(select(Lease)).all(), exclusive, count))
    if not device:
        return None
    db.add(Lease(holder_id=holder_id, holder_kind=holder_kind, device=device, exclusive=exclusive))
    db.flush()
    return device


def parts(device: str) -> list[str]:
    """The single devices of a lease: gpu:0 and gpu:1 of gpu:0,gpu:1."""
    return device.split(",")


def _choose(leases: Sequence[Lease], exclusive: bool, count: int) -> list[str]:
    """The `count` devices with the fewest leases, or none when there are not so many.

    One that trains is no choice for a training, the last choice for serving.
    """
    training = {one for lease in leases if lease.exclusive for one in parts(lease.device)}
    load = {device: sum(device in parts(lease.device) for lease in leases) for device in found()}
    choices = [device for device in load if device not in training] if exclusive else list(load)
    best = sorted(choices, key=lambda device: (device in training, load[device]))[:count]
    return sorted(best, key=choices.index) if len(best) == count else []


def give_back(db: Session, holder_id: str) -> None:
    """Ends a lease; nothing happens when there is none."""
    lease = db.get(Lease, holder_id)
    if lease:
        db.delete(lease)
        db.flush()


def holders() -> Sequence[Lease]:
    """Who holds what now, longest first."""
    with database.reading() as db:
        return db.exec(select(Lease).order_by(col(Lease.since))).all()


def held_by(holder_id: str) -> str | None:
    """The device that somebody holds, if any."""
    with database.reading() as db:
        lease = db.get(Lease, holder_id)
        return lease.device if lease else None


def tick() -> None:
    """Takes back what is held by runs, backends and pieces of work that have ended or are gone."""
    if not (held := holders()):
        return
    with database.session() as db:
        runs = select(Run.id).where(col(Run.status).in_(RUN_ALIVE))
        backends = select(Backend.id).where(col(Backend.status).in_(SERVING_MOVING))
        works = select(Work.id).where(col(Work.status).in_(WORK_MOVING))
        alive = {"run": set(db.exec(runs)), "backend": set(db.exec(backends)), "work": set(db.exec(works))}
        for lease in held:
            if lease.holder_kind in alive and lease.holder_id not in alive[lease.holder_kind]:
                give_back(db, lease.holder_id)


def worker_device(device: str) -> str:
    """What torch calls it inside the worker, which sees only what it was given: cpu, or cuda:0 for the first process.

    The other processes of the same training count on from there (engine.workers.ranks).
    """
    return CPU if device == CPU else "cuda:0"


def environment(device: str) -> dict[str, str]:
    """What shows a worker its devices and no others."""
    if device == CPU:
        return {}
    indices = ",".join(one.partition(":")[2] for one in parts(device))
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": indices}
