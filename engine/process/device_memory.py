"""How much of each GPU is free, and how much of it each process has: as the driver said some seconds ago.

`refresh` asks, which may take a second, in the thread for slow things (engine.life.upkeep); the others read what it
found last, and None before there is an answer or without a GPU. Source: nvidia-smi --help-query-compute-apps.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from engine.process import machine, process

REFRESH_SECONDS = 5.0


@dataclass(frozen=True)
class Said:
    """What the driver said, in bytes: by process (on all its GPUs together), and free by device."""

    by_process: dict[int, int]
    free: dict[str, int]


class _Driver:
    said: Said | None = None


def refresh() -> None:
    """Asks the driver, where there is one."""
    if not machine.has_gpu():
        return
    apps = process.output(["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"])
    free = process.output(["nvidia-smi", "--query-gpu=index,memory.free", "--format=csv,noheader,nounits"])
    _Driver.said = None if apps is None or free is None else parsed(apps, free)


def parsed(apps: str, free: str) -> Said:
    """Lines of `pid, MiB` and of `index, MiB`. What is not told ("[N/A]", as in a container) is left out."""
    by_process: dict[int, int] = {}
    for pid, bytes_used in _pairs(apps):
        by_process[pid] = by_process.get(pid, 0) + bytes_used
    return Said(by_process, {f"gpu:{index}": left for index, left in _pairs(free)})


def _pairs(lines: str) -> Iterable[tuple[int, int]]:
    for line in lines.splitlines():
        key, _, mebibytes = (part.strip() for part in line.partition(","))
        if key.isdigit() and mebibytes.isdigit():
            yield int(key), int(mebibytes) << 20


def used_bytes(pids: Iterable[int]) -> int | None:
    """What these processes have of all GPUs; None where the driver tells of none of them."""
    if _Driver.said is None:
        return None
    known = [_Driver.said.by_process[pid] for pid in pids if pid in _Driver.said.by_process]
    return sum(known) if known else None


def free_bytes(device: str) -> int | None:
    """What is free of a GPU; None when that is not known."""
    return None if _Driver.said is None else _Driver.said.free.get(device)
